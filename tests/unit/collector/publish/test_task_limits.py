"""
The limit that a refused fork ran into.
"""

from dataclasses import replace

from collector.correlate.findings import KernelEvent
from collector.correlate.pid_index import Attribution
from collector.publish.kernel_events import kernel_event
from collector.publish.task_limits import with_task_limit
from parsers.kernel import parse_notice
from parsers.oom.facts import KernelLine
from sinks.event import Confidence, Event, EvidenceSource, Host, ParentProcess, TaskLimit

PATH = "/docker/a"
LIMIT = TaskLimit(cgroup=PATH, tasks=100, tasks_max=100, zombies=0)


def refused() -> Event:
    """
    Return the event of a refused fork.
    """
    text = f"cgroup: fork rejected by pids controller in {PATH}"
    notice = parse_notice(text)
    assert notice is not None
    found = KernelEvent(
        id="id",
        notice=notice,
        line=KernelLine(text=text, at_ns=5),
        source=EvidenceSource.KMSG,
        attribution=Attribution(container_id=None, runtime=None, confidence=Confidence.CERTAIN),
        record=None,
    )
    return kernel_event(Host(id="1" * 32), found)


def test_the_figures() -> None:
    """
    The message has the tasks and the limit, and the general advice stays.
    """
    event = with_task_limit(refused(), LIMIT)
    assert event.message.endswith("It has 100 of 100 tasks.")
    assert event.exit137.kernel is not None
    assert event.exit137.kernel.task_limit == LIMIT
    assert event.exit137.advice == refused().exit137.advice


def test_zombies_and_their_parent() -> None:
    """
    Many zombies are the first thing to look at; their parent is named.
    """
    parent = ParentProcess(pid=7, name="sh")
    event = with_task_limit(refused(), replace(LIMIT, zombies=90, zombies_of=parent))
    assert '100 of 100 tasks, 90 of them zombies of "sh" (pid 7).' in event.message
    (advice,) = event.exit137.advice
    assert "--init" in advice.text


def test_the_limit_of_a_parent() -> None:
    """
    A limit above the container's is named with its cgroup.
    """
    assert with_task_limit(refused(), replace(LIMIT, cgroup="/docker")).message.endswith("tasks of /docker.")
