"""
The ended runs that await their verdict, found by what may change it: a container, a process, a deadline.

In a storm thousands of runs wait at once. No fact may have all of them looked at.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from collector.correlate.container_record import ContainerRecord
from collector.correlate.findings import Death
from collector.correlate.runs import Run
from collector.facts.observed import Origin

_Key = TypeVar("_Key")


@dataclass(slots=True, kw_only=True, eq=False)
class PendingRun:
    """
    An ended run without a verdict.

    Attributes:
        deadline_ns: when it is judged with what is known, if the sources have been read past its end.
        latest_ns: when it is judged in any case.
        settled: the death with a verdict that can only be changed by what is unread.
        open_until_ns: by source, how long after the end it may still bring what changes that verdict; None: only the
            deadline says that nothing more will come.
        changed: whether a fact has concerned the run since it was last judged.
        pids: processes that the verdict depends on: the main process and the sender of its signal.
        awaits_podman: whether only Podman's word on the end is awaited.
        number: its place in the queue.
    """

    record: ContainerRecord
    run: Run
    deadline_ns: int
    latest_ns: int
    settled: Death | None = None
    open_until_ns: Mapping[str, int] | None = None
    changed: bool = True
    pids: frozenset[int] = frozenset()
    awaits_podman: bool = False
    number: int = 0


class PendingQueue:
    """
    Keeps ended runs in the order in which they were added.

    Attributes:
        waits_begun: how often a run has been added, or has got a verdict that waits only for sources to be read.
    """

    def __init__(self) -> None:
        self._runs: dict[int, PendingRun] = {}
        self._next = 0
        self._by_container: defaultdict[str, set[int]] = defaultdict(set)
        self._by_pid: defaultdict[int, set[int]] = defaultdict(set)
        self._changed: set[int] = set()
        self._settled: set[int] = set()
        self.waits_begun = 0
        # The deadline of a run may be moved: an entry counts only if it still has the deadline of its run.
        self._deadlines: list[tuple[int, int]] = []
        # Per source the readings of the runs, the oldest first; those of runs that were removed do not count.
        self._origins: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)

    def __iter__(self) -> Iterator[PendingRun]:
        return iter(self._runs.values())

    @property
    def is_empty(self) -> bool:
        """
        Whether no run is pending.
        """
        return not self._runs

    @property
    def has_settled(self) -> bool:
        """
        Whether a run has a verdict and waits only for sources to be read.
        """
        return bool(self._settled)

    def add(self, item: PendingRun) -> None:
        """
        Append a run; it counts as changed.
        """
        item.number, self._next = self._next, self._next + 1
        self.waits_begun += 1
        self._runs[item.number] = item
        self._by_container[item.record.id].add(item.number)
        self._changed.add(item.number)
        heapq.heappush(self._deadlines, (item.deadline_ns, item.number))
        for origin in item.run.origins:
            heapq.heappush(self._origins[origin.source], (origin.ordinal, item.number))

    def remove(self, item: PendingRun) -> None:
        """
        Remove a run that was judged.
        """
        del self._runs[item.number]
        self._changed.discard(item.number)
        self._settled.discard(item.number)
        _discard(self._by_container, item.record.id, item.number)
        for pid in item.pids:
            _discard(self._by_pid, pid, item.number)

    def mark_container(self, container_id: str) -> None:
        """
        Note that something new is known of a container.
        """
        self._mark(self._by_container.get(container_id, ()))

    def mark_process(self, pid: int) -> None:
        """
        Note that something new is known of a process.
        """
        self._mark(self._by_pid.get(pid, ()))

    def mark_all(self) -> None:
        """
        Note that something new is known that concerns every run.
        """
        self._mark(self._runs)

    def update(self, item: PendingRun, pids: frozenset[int]) -> None:
        """
        Note what the verdict of a run depends on, after it was judged.
        """
        for pid in item.pids - pids:
            _discard(self._by_pid, pid, item.number)
        for pid in pids - item.pids:
            self._by_pid[pid].add(item.number)
        item.pids, item.changed = pids, False

    def settle(self, item: PendingRun, death: Death | None) -> None:
        """
        Note the verdict that only unread evidence can change; None: there is none.
        """
        item.settled = death
        if death is not None:
            self.waits_begun += item.number not in self._settled
            self._settled.add(item.number)
        else:
            self._settled.discard(item.number)

    def postpone(self, item: PendingRun, deadline_ns: int) -> None:
        """
        Move the deadline of a run.
        """
        if deadline_ns != item.deadline_ns:
            item.deadline_ns = deadline_ns
            heapq.heappush(self._deadlines, (deadline_ns, item.number))

    def take_due(self, now_ns: int, *, with_settled: bool) -> list[PendingRun]:
        """
        Return the runs that have changed since the last call, and those whose deadline has come, in order.

        Args:
            now_ns: the time.
            with_settled: return also those that wait for sources to be read.
        """
        due, self._changed = self._changed, set()
        while self._deadlines and self._deadlines[0][0] <= now_ns:
            deadline_ns, number = heapq.heappop(self._deadlines)
            if self._is_current(deadline_ns, number):
                due.add(number)
        if with_settled:
            due |= self._settled
        return [self._runs[number] for number in sorted(due)]

    def next_deadline_ns(self) -> int | None:
        """
        Return the first deadline of all runs; None if there are none.
        """
        while self._deadlines and not self._is_current(*self._deadlines[0]):
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def oldest_origins(self) -> list[Origin]:
        """
        Return per source the oldest reading of all runs, as they were when the runs were added; later ones are newer.
        """
        oldest: list[Origin] = []
        for source, origins in self._origins.items():
            while origins and origins[0][1] not in self._runs:
                heapq.heappop(origins)
            if origins:
                oldest.append(Origin(source=source, ordinal=origins[0][0]))
        return oldest

    def _is_current(self, deadline_ns: int, number: int) -> bool:
        item = self._runs.get(number)
        return item is not None and item.deadline_ns == deadline_ns

    def _mark(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._runs[number].changed = True
            self._changed.add(number)


def _discard(index: "defaultdict[_Key, set[int]]", key: _Key, number: int) -> None:
    numbers = index[key]
    numbers.discard(number)
    if not numbers:
        del index[key]
