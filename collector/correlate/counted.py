"""
Compares what the kernel counted with what was told, both ways: a kill in a container that no evidence explains, and a
kill that a log tells of and no counter confirms.

A count comes some seconds after the kills, and says that they were between two looks. Evidence may still be on its way
then, so a comparison waits for a moment.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from collector.correlate.facts import OomCounted

COMPARE_AFTER_NS: Final = 4_000_000_000
# The clocks of the log and of the looks differ, and a kill that is counted just before a look may be told after it.
_SLACK_NS: Final = 1_000_000_000
_CONTAINERS_KEPT: Final = 2048
_TOLD_KEPT: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldKill:
    """
    A kill that was told, as far as a counter knows of it.

    Attributes:
        event_id: of the event.
        container_id: where it was; None: not known.
        at_ns: when.
        pids: of the victims.
        kills: how many the kernel counts for it.
        text: the line of the log.
    """

    event_id: str
    container_id: str | None
    at_ns: int
    pids: frozenset[int]
    kills: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """
    Kills that were counted, and of which no log tells.

    Attributes:
        container_id: where; None: somewhere on the host.
        unplaced: how many kills were told meanwhile whose container is not known; they may be these.
        told_pids: of all kills that were told meanwhile; they are not these.
    """

    container_id: str | None
    count: int
    from_ns: int
    to_ns: int
    unplaced: int = 0
    told_pids: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Entry:
    told: ToldKill
    used: int = 0
    doubted: bool = False


class Counted:
    """
    The counts of all containers and of the host, and the kills that were told.
    """

    def __init__(self) -> None:
        self._told: OrderedDict[str | None, deque[_Entry]] = OrderedDict()
        self._on_host: deque[_Entry] = deque(maxlen=_TOLD_KEPT)
        self._waiting: deque[tuple[int, OomCounted]] = deque()
        self._counting_since_ns: int | None = None
        self._unconfirmed: list[ToldKill] = []

    def note_told(self, kills: Iterable[ToldKill]) -> None:
        """
        A kill was told; of one with victims in several containers, the part of each. What was before the first look
        is of no interest, and there may be much of it in the log.
        """
        for told in kills:
            if told.at_ns < (self._counting_since_ns or 0) - _SLACK_NS:
                continue
            self._on_host.append(_Entry(told))
            self._told.setdefault(told.container_id, deque(maxlen=_TOLD_KEPT)).append(_Entry(told))
            self._told.move_to_end(told.container_id)
        while len(self._told) > _CONTAINERS_KEPT:
            self._told.popitem(last=False)

    def feed(self, fact: OomCounted, now_ns: int) -> None:
        """
        Take a count. That of the host comes after those of its containers, and with every look.
        """
        if fact.container_id is None and self._counting_since_ns is None:
            self._counting_since_ns = fact.from_ns
        self._waiting.append((now_ns + COMPARE_AFTER_NS, fact))

    def tick(self, now_ns: int) -> list[Unexplained]:
        """
        Compare the counts whose time has come.
        """
        found: list[Unexplained] = []
        while self._waiting and self._waiting[0][0] <= now_ns:
            _, fact = self._waiting.popleft()
            unexplained = self._compare(fact)
            found += [unexplained] if unexplained is not None else []
        return found

    def unconfirmed(self) -> list[ToldKill]:
        """
        Kills found since the last call that no counter confirms.
        """
        found, self._unconfirmed = self._unconfirmed, []
        return found

    def next_deadline_ns(self) -> int | None:
        """
        When `tick` should be called next.
        """
        return self._waiting[0][0] if self._waiting else None

    def _compare(self, fact: OomCounted) -> Unexplained | None:
        entries = self._on_host if fact.container_id is None else self._told.get(fact.container_id, ())
        missing = fact.count - _explained(entries, fact)
        if fact.container_id is None:
            self._doubt(fact)
        if missing <= 0:
            return None
        meanwhile = [entry.told for entry in self._on_host if _between(entry, fact)]
        unplaced = sum(told.kills for told in meanwhile if told.container_id is None)
        found = Unexplained(
            container_id=fact.container_id,
            count=missing,
            from_ns=fact.from_ns,
            to_ns=fact.to_ns,
            unplaced=unplaced,
            told_pids=frozenset[int]().union(*(told.pids for told in meanwhile)),
        )
        if fact.container_id is not None and unplaced < missing:
            self._on_host.append(_Entry(_as_told(found)))
        return found

    def _doubt(self, fact: OomCounted) -> None:
        """
        Kills that had their chance to be counted, and were not.
        """
        for entry in self._on_host:
            at_ns = entry.told.at_ns
            counting = self._counting_since_ns is not None and at_ns > self._counting_since_ns + _SLACK_NS
            if counting and not (entry.used or entry.doubted) and at_ns < fact.to_ns - 2 * _SLACK_NS:
                entry.doubted = True
                self._unconfirmed += [entry.told] if entry.told.event_id else []


def _explained(entries: Iterable[_Entry], fact: OomCounted) -> int:
    """
    How much of a count is explained; a kill explains a count once.
    """
    explained = 0
    for entry in entries:
        if explained >= fact.count:
            break
        if not entry.used and _between(entry, fact):
            entry.used = min(entry.told.kills, fact.count - explained)
            explained += entry.used
    return explained


def _between(entry: _Entry, fact: OomCounted) -> bool:
    return fact.from_ns - _SLACK_NS <= entry.told.at_ns <= fact.to_ns + _SLACK_NS


def _as_told(found: Unexplained) -> ToldKill:
    """
    What a container's counter said explains that much of the host's.
    """
    return ToldKill(
        event_id="",
        container_id=found.container_id,
        at_ns=found.to_ns,
        pids=frozenset(),
        kills=found.count,
        text="",
    )
