"""
What is read of the cgroup file system, v1 and v2.
"""

import shutil
from pathlib import Path

import pytest

from collector.correlate.memory_facts import MemorySample
from collector.memory.cgroups import CgroupTree, NoCgroupsError
from tests.unit.collector.memory.trees import ID, MIB, OTHER, stat, v1, v2, write


def only_sample(tree: CgroupTree) -> MemorySample:
    (container,) = tree.containers().values()
    sample = tree.sample(container, 5)
    assert sample is not None
    return sample


def test_v1(tmp_path: Path) -> None:
    """
    All figures, each from its own file.
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


def test_v2(tmp_path: Path) -> None:
    """
    The same, with swap and pressure from files of their own.
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
    That of the slice above, and it is named.
    """
    sample = only_sample(CgroupTree(str(v2(tmp_path))))
    assert (sample.limit_bytes, sample.limit_cgroup) == (256 * MIB, "/system.slice/tight.slice")


def test_on_v1_the_kernel_says_which_limit_counts(tmp_path: Path) -> None:
    """
    Without use_hierarchy a smaller one above does not.
    """
    write(v1(tmp_path) / "memory/docker", {"memory.limit_in_bytes": str(64 * MIB)})
    assert only_sample(CgroupTree(str(tmp_path))).limit_bytes == 512 * MIB
    above = stat(total_inactive_file=0, hierarchical_memory_limit=64 * MIB)
    write(tmp_path / "memory/docker" / ID, {"memory.stat": above})
    sample = only_sample(CgroupTree(str(tmp_path)))
    assert (sample.limit_bytes, sample.limit_cgroup) == (64 * MIB, "/docker")


@pytest.mark.parametrize("name", ["memory.peak", "memory.swap.current", "memory.pressure", "cpu.stat", "cpu.max"])
def test_a_file_that_an_older_kernel_does_not_have(tmp_path: Path, name: str) -> None:
    """
    Is unknown, or garbage: the rest is told.
    """
    path = v2(tmp_path) / f"system.slice/tight.slice/docker-{ID}.scope" / name
    path.unlink()
    assert only_sample(CgroupTree(str(tmp_path))).usage_bytes == 200 * MIB
    path.write_text("garbage")
    assert only_sample(CgroupTree(str(tmp_path))).usage_bytes == 200 * MIB


def test_a_container_that_is_gone(tmp_path: Path) -> None:
    """
    Gives no sample, and is not found any more.
    """
    tree = CgroupTree(str(v1(tmp_path)))
    (container,) = tree.containers().values()
    shutil.rmtree(tmp_path / "memory/docker" / ID)
    assert tree.sample(container, 5) is None
    assert tree.containers() == {}


def test_containers_in_containers(tmp_path: Path) -> None:
    """
    What a container makes below itself is its own, unless it is a container too.
    """
    inside = v1(tmp_path) / "memory/docker" / ID
    (inside / "init").mkdir()
    (inside / "docker" / OTHER).mkdir(parents=True)
    found = CgroupTree(str(tmp_path)).containers()
    assert {one.container_id: one.path for one in found.values()} == {
        ID: f"/docker/{ID}",
        OTHER: f"/docker/{ID}/docker/{OTHER}",
    }


def test_a_host_without_cgroups(tmp_path: Path) -> None:
    """
    Is said to be one.
    """
    with pytest.raises(NoCgroupsError):
        CgroupTree(str(tmp_path))


def test_a_tree_that_is_too_deep_ends(tmp_path: Path) -> None:
    """
    The walk has a bound.
    """
    deep = v1(tmp_path) / "memory" / "/".join(["a"] * 60)
    deep.mkdir(parents=True)
    assert set(CgroupTree(str(tmp_path)).containers()) == {ID}
