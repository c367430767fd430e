"""
Samples from the cgroup file system, v1 and v2.
"""

import shutil
from pathlib import Path

import pytest

from collector.facts.memory import MemorySample
from collector.sources.memory.cgroups import CgroupTree, NoCgroupsError
from tests.unit.collector.memory.trees import ID, MIB, OTHER, stat, v1, v2, write


def only_sample(tree: CgroupTree) -> MemorySample:
    (container,) = tree.containers().values()
    sample = tree.sample(container, 5)
    assert sample is not None
    return sample


def test_v1_files_are_read(tmp_path: Path) -> None:
    """
    Each figure comes from its own file of cgroup v1.
    """
    tree = CgroupTree(str(v1(tmp_path)))
    sample = only_sample(tree)
    assert tree.version == 1
    assert (sample.container_id, sample.cgroup, sample.at_ns) == (ID, f"/docker/{ID}", 5)
    assert (sample.usage_bytes, sample.working_set_bytes) == (300 * MIB, 250 * MIB)
    assert (sample.anon_bytes, sample.file_bytes, sample.shmem_bytes) == (200 * MIB, 80 * MIB, 10 * MIB)
    assert (sample.kernel_bytes, sample.swap_bytes, sample.peak_bytes) == (5 * MIB, MIB, 400 * MIB)
    assert (sample.limit_bytes, sample.limit_cgroup) == (512 * MIB, f"/docker/{ID}")
    assert (sample.cpu_ns, sample.cpu_limit, sample.pressure) == (7_000_000, 1.5, None)


def test_v2_files_are_read(tmp_path: Path) -> None:
    """
    On cgroup v2 swap and pressure have their own files.
    """
    tree = CgroupTree(str(v2(tmp_path)))
    sample = only_sample(tree)
    assert tree.version == 2
    assert (sample.container_id, sample.usage_bytes, sample.working_set_bytes) == (ID, 200 * MIB, 160 * MIB)
    assert (sample.anon_bytes, sample.file_bytes, sample.kernel_bytes) == (120 * MIB, 60 * MIB, 5 * MIB)
    assert (sample.swap_bytes, sample.peak_bytes) == (3 * MIB, 250 * MIB)
    assert (sample.cpu_ns, sample.cpu_limit) == (7_000_000, None)
    assert sample.pressure is not None
    assert sample.pressure.some.avg10_percent == 1.0


def test_the_smallest_limit_counts(tmp_path: Path) -> None:
    """
    The limit of the slice above is smaller, so it is the effective one, and the slice is named.
    """
    sample = only_sample(CgroupTree(str(v2(tmp_path))))
    assert (sample.limit_bytes, sample.limit_cgroup) == (256 * MIB, "/system.slice/tight.slice")


def test_on_v1_the_kernel_reports_the_effective_limit(tmp_path: Path) -> None:
    """
    Without use_hierarchy a smaller limit above does not apply.
    """
    write(v1(tmp_path) / "memory/docker", {"memory.limit_in_bytes": str(64 * MIB)})
    assert only_sample(CgroupTree(str(tmp_path))).limit_bytes == 512 * MIB
    above = stat(total_inactive_file=0, hierarchical_memory_limit=64 * MIB)
    write(tmp_path / "memory/docker" / ID, {"memory.stat": above})
    sample = only_sample(CgroupTree(str(tmp_path)))
    assert (sample.limit_bytes, sample.limit_cgroup) == (64 * MIB, "/docker")


@pytest.mark.parametrize("name", ["memory.peak", "memory.swap.current", "memory.pressure", "cpu.stat", "cpu.max"])
def test_a_missing_or_unreadable_file_is_an_unknown_value(tmp_path: Path, name: str) -> None:
    """
    The other figures are still read.
    """
    path = v2(tmp_path) / f"system.slice/tight.slice/docker-{ID}.scope" / name
    path.unlink()
    assert only_sample(CgroupTree(str(tmp_path))).usage_bytes == 200 * MIB
    path.write_text("garbage")
    assert only_sample(CgroupTree(str(tmp_path))).usage_bytes == 200 * MIB


def test_an_ended_container_gives_no_sample(tmp_path: Path) -> None:
    """
    It is no longer found either.
    """
    tree = CgroupTree(str(v1(tmp_path)))
    (container,) = tree.containers().values()
    shutil.rmtree(tmp_path / "memory/docker" / ID)
    assert tree.sample(container, 5) is None
    assert tree.containers() == {}


def test_containers_in_containers(tmp_path: Path) -> None:
    """
    A cgroup below that of a container belongs to it, unless it is a container too.
    """
    inside = v1(tmp_path) / "memory/docker" / ID
    (inside / "init").mkdir()
    (inside / "docker" / OTHER).mkdir(parents=True)
    found = CgroupTree(str(tmp_path)).containers()
    assert {one.container_id: one.path for one in found.values()} == {
        ID: f"/docker/{ID}",
        OTHER: f"/docker/{ID}/docker/{OTHER}",
    }


@pytest.mark.parametrize("name", [f"docker-{ID}.scope", f"aaa/docker/{ID}"])
def test_a_cgroup_of_that_name_elsewhere_is_not_the_container(tmp_path: Path, name: str) -> None:
    """
    Of several cgroups with the name of one container, that of a user and the deeper one are not the container's.
    """
    root = v1(tmp_path) / "memory"
    write(root / "user.slice/user@1000.service" / name, {"memory.usage_in_bytes": "1"})
    write(root / "a/b" / name, {"memory.usage_in_bytes": "1"})
    assert [found.path for found in CgroupTree(str(tmp_path)).containers().values()] == [f"/docker/{ID}"]


def test_a_host_without_cgroups_is_an_error(tmp_path: Path) -> None:
    """
    Without a memory controller there is no tree.
    """
    with pytest.raises(NoCgroupsError):
        CgroupTree(str(tmp_path))


def test_the_walk_of_a_deep_tree_is_bounded(tmp_path: Path) -> None:
    """
    The walk stops at a maximum depth.
    """
    deep = v1(tmp_path) / "memory" / "/".join(["a"] * 60)
    deep.mkdir(parents=True)
    assert set(CgroupTree(str(tmp_path)).containers()) == {ID}
