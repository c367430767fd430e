"""
The tasks that a line of the kernel log names, as /proc shows them.
"""

from pathlib import Path

import pytest

from collector.facts.kernel import KernelFact, LiveTask, kernel_fact
from collector.host.procfs import ProcFiles
from collector.sources.live_tasks import LiveTasks
from parsers.oom.facts import KernelLine
from sinks.event import EvidenceSource
from tests.unit.collector.sources.processes.fakes import IDS, FakeProc

SECOND = 1_000_000_000


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    """
    Thread 12 of process 10 in container 0, which runs since second 5; process 30 of the host.
    """
    proc = FakeProc(tmp_path)
    proc.add(12, "worker", IDS[0], start_ns=5 * SECOND, process=10)
    proc.add(30, "bash", start_ns=5 * SECOND)
    return proc


def looked_up(proc: FakeProc, text: str, at_s: int = 9) -> KernelFact:
    """
    Return a line with the tasks that were found.
    """
    fact = kernel_fact(EvidenceSource.KMSG, KernelLine(text=text, monotonic_us=at_s * 1_000_000))
    return LiveTasks(ProcFiles(proc.root), offset_ns=lambda: 0).add_to(fact)


def test_a_thread_names_its_process_and_container(proc: FakeProc) -> None:
    """
    The thread in a line leads to its process, and to the container of that.
    """
    task = looked_up(proc, "INFO: task worker:12 blocked for more than 120 seconds.").task
    assert task is not None
    assert (task.pid, task.container.id if task.container is not None else None) == (10, IDS[0])


def test_the_owner_of_a_lock_is_looked_up(proc: FakeProc) -> None:
    """
    The owner of the lock is looked up as well; a process of the host is in no container.
    """
    fact = looked_up(proc, "INFO: task x:99 is blocked on a mutex likely owned by task bash:30.")
    assert (fact.task, fact.owner) == (None, LiveTask(pid=30, container=None))


def test_a_later_task_with_the_number_is_another(proc: FakeProc) -> None:
    """
    A task that was started after the line is not the one that the line names.
    """
    text = "worker[12]: segfault at 0 ip 0 sp 7ffc error 14"
    assert looked_up(proc, text, at_s=5).task is not None
    assert looked_up(proc, text, at_s=4).task is None


def test_a_task_that_exits_says_nothing(proc: FakeProc) -> None:
    """
    A task that exits may have left its cgroup: where it was is not known.
    """
    proc.add(12, "worker", state="Z")
    assert looked_up(proc, "worker[12]: segfault at 0 ip 0 sp 7ffc error 14").task is None


def test_other_lines_are_left_alone(proc: FakeProc) -> None:
    """
    A line that names no task, and one without a stamp, stay as they are.
    """
    assert looked_up(proc, "nf_conntrack: table full, dropping packet").task is None
    unstamped = kernel_fact(EvidenceSource.KMSG, KernelLine(text="bash[30]: segfault at 0 ip 0 sp 0 error 4"))
    assert LiveTasks(ProcFiles(proc.root)).add_to(unstamped) is unstamped
