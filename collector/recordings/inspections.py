"""
From recorded inspections to facts: when each was made, and what of it was known before.
"""

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from collector.facts.observed import Fact, SnapshotFact
from parsers.docker_event import DockerAction, DockerEvent
from parsers.docker_inspect import ContainerSnapshot

_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000


def snapshot_facts(
    snapshots: Iterable[ContainerSnapshot], events: Sequence[DockerEvent], *, ended_unseen: bool = False
) -> Iterator[tuple[int, Fact]]:
    """
    Yield each inspection twice: its configuration when the container was created, and all of it after the death.

    Args:
        snapshots: one of each container.
        events: Docker's events.
        ended_unseen: whether an end without an event counts as a death.
    """
    created: dict[str, int] = {}
    deaths: defaultdict[str, list[int]] = defaultdict(list)
    last: dict[str, int] = {}
    for event in events:
        last[event.container_id] = event.time_ns
        if event.action is DockerAction.CREATE:
            created.setdefault(event.container_id, event.time_ns)
        elif event.action is DockerAction.DIE:
            deaths[event.container_id].append(event.time_ns)
    for snapshot in snapshots:
        begin_ns = created.get(snapshot.id) or snapshot.created_at_ns or 0
        known = _without_state(snapshot)
        yield begin_ns, SnapshotFact(snapshot=known, seen_at_ns=begin_ns)
        unseen = ended_unseen and not deaths[snapshot.id] and not snapshot.running
        seen_ns = _seen_ns(snapshot, deaths[snapshot.id], last.get(snapshot.id, begin_ns))
        if unseen and snapshot.finished_at_ns is not None:
            seen_ns = snapshot.finished_at_ns + _NS_PER_S
        yield seen_ns, SnapshotFact(snapshot=snapshot, seen_at_ns=seen_ns, ended_unseen=unseen)


def _seen_ns(snapshot: ContainerSnapshot, deaths: list[int], last_ns: int) -> int:
    """
    Return when an inspection was made.

    That is right after the death that it shows, and not before a start that it shows. Without an event of a death it is
    a second after the last event, and after the end that it shows.
    """
    if snapshot.finished_at_ns is not None and deaths:
        index = bisect.bisect_left(deaths, snapshot.finished_at_ns)
        return max(deaths[min(index, len(deaths) - 1)], snapshot.started_at_ns or 0) + _NS_PER_MS
    return max(last_ns, snapshot.finished_at_ns or 0) + _NS_PER_S


def _without_state(snapshot: ContainerSnapshot) -> ContainerSnapshot:
    """
    Return the part of a snapshot that holds from the container's creation on: its configuration.
    """
    return replace(
        snapshot,
        pid=None,
        status="created",
        running=False,
        oom_killed=False,
        exit_code=0,
        error="",
        started_at_ns=None,
        finished_at_ns=None,
    )
