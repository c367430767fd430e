"""
Finds the offset between the two clocks of a recording: the kernel's clock and the wall clock.
"""

from collections.abc import Iterable

from parsers.cgroup_path import container_of
from parsers.docker_event import DockerAction, DockerEvent
from parsers.journal import JournalEntry
from parsers.kmsg import KmsgRecord
from parsers.oom.line import GroupKill, MemcgLimit, parse_line
from parsers.oom.summary import Summary


def clock_offset_ns(
    kernel: Iterable[JournalEntry],
    units: Iterable[JournalEntry],
    records: Iterable[KmsgRecord],
    events: Iterable[DockerEvent],
) -> int | None:
    """
    Return how many ns the wall clock is ahead of the kernel's clock; None if the recording does not show it.

    The journal receives a kernel line some time after the kernel stamped it, so the smallest difference is the most
    accurate. Other entries carry both clocks at reception. Without a journal, the difference between a kill and
    Docker's first event of that container is used.
    """
    delays = [
        entry.realtime_ns - entry.source_monotonic_us * 1000
        for entry in kernel
        if entry.realtime_ns is not None and entry.source_monotonic_us is not None
    ]
    received = [
        entry.realtime_ns - entry.monotonic_us * 1000
        for entry in units
        if entry.realtime_ns is not None and entry.monotonic_us is not None
    ]
    return min(delays or received or _offsets_by_docker(records, events), default=None)


def _offsets_by_docker(records: Iterable[KmsgRecord], events: Iterable[DockerEvent]) -> list[int]:
    first_event_ns: dict[str, int] = {}
    for event in events:
        if event.action in (DockerAction.OOM, DockerAction.DIE):
            first_event_ns.setdefault(event.container_id, event.time_ns)
    first_kill_us: dict[str, int] = {}
    for record in records:
        for container_id in _containers(record.text):
            first_kill_us.setdefault(container_id, record.monotonic_us)
    both = first_kill_us.keys() & first_event_ns.keys()
    return [first_event_ns[key] - first_kill_us[key] * 1000 for key in both]


def _containers(text: str) -> tuple[str, ...]:
    """
    Return the ids of the containers, nested ones included, in which a line reports a kill.
    """
    fact = parse_line(text)
    path = fact.task_memcg if isinstance(fact, Summary | MemcgLimit) else None
    ref = container_of((fact.path if isinstance(fact, GroupKill) else path) or "")
    return () if ref is None else (ref.id, *(outer.id for outer in ref.outer))
