"""
All advice for one container together.
"""

from collector.facts.memory import RunningProcess
from collector.memory.advice import MemoryNeed, advise, workload_of
from collector.memory.classify import shape_of
from collector.memory.runtimes import Language
from parsers.docker_inspect import ContainerSnapshot

MIB = 1 << 20


def process(pid: int, executable: str, *arguments: str, mib: int = 10, parent: int = 1) -> RunningProcess:
    return RunningProcess(pid=pid, executable=executable, arguments=arguments, rss_bytes=mib * MIB, parent_pid=parent)


def need(limit_mib: int | None = 512, peak_mib: int = 512) -> MemoryNeed:
    limit = limit_mib * MIB if limit_mib is not None else None
    return MemoryNeed(peak_bytes=peak_mib * MIB, observed_s=60.0, limit_bytes=limit, shape=shape_of((), limit))


def test_the_workload_is_the_largest_process_of_a_known_runtime() -> None:
    """
    The shell that starts the program and the script of its health check are ignored.
    """
    shell, check = process(1, "/bin/sh"), process(9, "/usr/bin/python3.11", mib=8)
    workload = workload_of([shell, process(7, "/usr/bin/java", mib=300), check])
    assert (workload.process and workload.process.pid, workload.language) == (7, Language.JVM)
    assert workload_of([shell]).language is None


def test_the_limit_comes_first_then_the_workload_then_the_settings() -> None:
    """
    The advice that most containers need is at the top.
    """
    workers = [process(pid, "/usr/bin/python3", "python3", mib=200, parent=1) for pid in (2, 3, 4)]
    master = process(1, "/usr/bin/python3", "gunicorn", "-w", "3", mib=20, parent=0)
    snapshot = ContainerSnapshot(id="c", labels={}, memory_limit_bytes=512 * MIB, memory_swap_bytes=-1)
    advice = advise(need(), workload_of([master, *workers]), snapshot)
    assert [one.kind for one in advice] == ["limit", "workers", "swap"]


def test_no_limit_is_advised_if_none_was_reached_or_nothing_is_known() -> None:
    """
    There is no advice on the limit if the host ran out of memory, or if the container was never sampled.
    """
    nothing = workload_of([])
    assert advise(need(), nothing, None, limit=False) == ()
    assert advise(need(peak_mib=0), nothing, None) == ()
