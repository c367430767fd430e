"""
All advice in one place.
"""

from collector.correlate.memory_facts import RunningProcess
from collector.memory.advice import Observation
from collector.memory.counsel import counsel, program_of
from collector.memory.runtimes import Language
from collector.memory.shape import shape_of
from parsers.docker_inspect import ContainerSnapshot

MIB = 1 << 20


def process(pid: int, executable: str, *arguments: str, mib: int = 10, parent: int = 1) -> RunningProcess:
    return RunningProcess(pid=pid, executable=executable, arguments=arguments, rss_bytes=mib * MIB, parent_pid=parent)


def seen(limit_mib: int | None = 512, peak_mib: int = 512) -> Observation:
    limit = limit_mib * MIB if limit_mib is not None else None
    return Observation(peak_bytes=peak_mib * MIB, seen_s=60.0, limit_bytes=limit, shape=shape_of((), limit))


def test_the_program_is_the_largest_process_of_a_known_runtime() -> None:
    """
    Not the shell that starts it, nor the script that asks for its health.
    """
    shell, check = process(1, "/bin/sh"), process(9, "/usr/bin/python3.11", mib=8)
    program = program_of([shell, process(7, "/usr/bin/java", mib=300), check])
    assert (program.process and program.process.pid, program.language) == (7, Language.JVM)
    assert program_of([shell]).language is None


def test_the_limit_comes_first_then_the_program_then_the_settings() -> None:
    """
    What most containers need stands on top.
    """
    workers = [process(pid, "/usr/bin/python3", "python3", mib=200, parent=1) for pid in (2, 3, 4)]
    master = process(1, "/usr/bin/python3", "gunicorn", "-w", "3", mib=20, parent=0)
    snapshot = ContainerSnapshot(id="c", labels={}, memory_limit_bytes=512 * MIB, memory_swap_bytes=-1)
    advice = counsel(seen(), program_of([master, *workers]), snapshot)
    assert [one.kind for one in advice] == ["limit", "workers", "swap"]


def test_no_limit_is_advised_where_none_was_reached_or_nothing_is_known() -> None:
    """
    The host ran out; or nobody ever looked.
    """
    nothing = program_of([])
    assert counsel(seen(), nothing, None, limit=False) == ()
    assert counsel(seen(peak_mib=0), nothing, None) == ()
