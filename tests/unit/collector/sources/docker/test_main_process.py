"""
In which cgroup a container runs, by what /proc shows of its main process.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from collector.host.procfs import ProcFiles
from collector.sources.docker.main_process import cgroup_of, with_layers
from parsers.docker_inspect import ContainerSnapshot
from tests.unit.collector.correlate.scene import snapshot
from tests.unit.collector.sources.processes.fakes import IDS, FakeProc

A, B = IDS[0], IDS[1]


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    """
    A /proc with the main process of a container.
    """
    proc = FakeProc(tmp_path)
    proc.add(10, "app", A)
    return proc


def running(container_id: str = A, pid: int | None = 10) -> ContainerSnapshot:
    return snapshot(container_id, running=True, pid=pid)


def seen(proc: FakeProc, known: ContainerSnapshot) -> str | None:
    return cgroup_of(known, ProcFiles(proc.root))


def write(proc: FakeProc, text: str) -> None:
    Path(proc.root, "10/cgroup").write_text(text)


def test_cgroup_ends_with_the_component_that_names_the_container(proc: FakeProc) -> None:
    """
    A main process that has moved below its container's cgroup shows the container's cgroup all the same.
    """
    assert seen(proc, running()) == f"/docker/{A}"
    write(proc, f"0::/system.slice/docker-{A}.scope/init.scope\n")
    assert seen(proc, running()) == f"/system.slice/docker-{A}.scope"


def test_hierarchy_of_memory_decides(proc: FakeProc) -> None:
    """
    On cgroup v1 the kernel log names cgroups of the hierarchy of memory.
    """
    write(proc, f"9:name=systemd:/user.slice/docker-{A}.scope\n4:memory:/docker/{A}\n0::/\n")
    assert seen(proc, running()) == f"/docker/{A}"


@pytest.mark.parametrize("known", [running(B), running(pid=None), running(pid=11), snapshot(A, pid=10)])
def test_nothing_else_names_a_cgroup(proc: FakeProc, known: ContainerSnapshot) -> None:
    """
    A process of another container, one that is gone, and a container that does not run give no cgroup.
    """
    assert seen(proc, known) is None


def test_paths_of_another_cgroup_namespace_are_not_whole(proc: FakeProc) -> None:
    """
    An agent in a cgroup namespace of its own sees other paths than the kernel log has.
    """
    namespace = Path(proc.root, "self/ns/cgroup")
    namespace.parent.mkdir(parents=True)
    namespace.touch()
    assert seen(proc, running()) is None


def test_layers_of_a_running_main_process(proc: FakeProc) -> None:
    """
    Where the engine names no layers, the root of the running main process does.
    """
    mounts = "1 2 0:54 / / rw - overlay overlay rw,lowerdir=/s/1/fs,upperdir=/s/2/fs,workdir=/s/2/work\n"
    Path(proc.root, "10/mountinfo").write_text(mounts)
    files = ProcFiles(proc.root)
    assert with_layers(running(), files).layers == ("/s/2/fs", "/s/1/fs")
    for other in (running(pid=None), running(pid=11), snapshot(A, pid=10), replace(running(), layers=("/named",))):
        assert with_layers(other, files) == other
