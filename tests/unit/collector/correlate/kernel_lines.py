"""
Lines of the kernel log about processes, and what their events say.
"""

from dataclasses import replace

from collector.correlate.repetitions import WINDOW_NS
from collector.facts.kernel import KernelFact, LiveTask, ThreadCrashedFact
from parsers.cgroup_path import ContainerRef, Runtime
from sinks.event import Confidence, Event, EventType, Kernel
from tests.unit.collector.correlate.scene import (
    SECOND,
    A,
    line,
    ns,
)

THREAD = 4711
WAIT_S = 2.0
WINDOW_S = WINDOW_NS / SECOND


def segfault(task: int, at_s: float = 1.0, comm: str = "hog") -> KernelFact:
    """
    Return the line about a crash.
    """
    text = f"{comm}[{task}]: segfault at 8 ip 7f5d0050 sp 7ffc1000 error 4 in libc.so.6[7f5d0000+1000]"
    return line(text, at_s)


def alive(fact: KernelFact, container_id: str | None, pid: int) -> KernelFact:
    """
    Return a line whose task still ran when it was read.
    """
    container = ContainerRef(runtime=Runtime.DOCKER, id=container_id) if container_id is not None else None
    return replace(fact, task=LiveTask(pid=pid, container=container))


def crashed(tid: int, pid: int, at_s: float = 1.0, container_id: str = A) -> ThreadCrashedFact:
    """
    Return what the process connector says of a crash.
    """
    return ThreadCrashedFact(
        tid=tid, pid=pid, container=ContainerRef(runtime=Runtime.DOCKER, id=container_id), at_ns=ns(at_s)
    )


def kernel(event: Event) -> Kernel:
    """
    Return what an event says of the line.
    """
    assert event.type is EventType.KERNEL_EVENT
    assert event.exit137.kernel is not None
    return event.exit137.kernel


def where(event: Event) -> tuple[str | None, Confidence]:
    """
    Return the container of an event, and how well that is supported.
    """
    return event.container.id if event.container is not None else None, event.exit137.confidence
