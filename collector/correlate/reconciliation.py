"""
Compare kernel counters with published kills, in both directions: kills that were counted and not published, and kills
that were published and not counted.

A counter is read some seconds after the kills, and shows that they happened between two reads. Evidence may still be on
its way then, so the comparison waits for a moment, and until the logs have been read past the count.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from collector.correlate.findings import PublishedKill, UnconfirmedKill, UnexplainedCount
from collector.correlate.spans import is_any_between
from collector.correlate.watermarks import ASK_AHEAD_NS, CAP_NS, COUNTER_LAGS_NS, Wait, Watermarks
from collector.facts.lru import LruQueues
from collector.facts.observed import GapFact, OomCountedFact
from sinks.event import GapKind

COMPARE_AFTER_NS: Final = 4_000_000_000
# The clocks of log and counter differ, and a kill that is counted just before a read may be published after it.
_SLACK_NS: Final = 1_000_000_000
_CONTAINERS_KEPT: Final = 2048
_PUBLISHED_KEPT: Final = 4096
# Where sources are followed and nobody counts, kills are kept only for a first count, which begins when it is read.
_UNCOUNTED_KEPT_NS: Final = CAP_NS


@dataclass(slots=True)
class _Count(Wait):
    """
    A count that is still to be compared.
    """

    fact: OomCountedFact


@dataclass(slots=True)
class _Entry:
    """
    A published kill.

    Attributes:
        used: how many of its kills have explained counts.
    """

    kill: PublishedKill
    used: int = 0
    unconfirmed: bool = False


class Reconciler:
    """
    Compares the counters of all containers and of the host with the published kills.

    Args:
        watermarks: how far the sources have been read.

    Attributes:
        compared_until_ns: every kill before it has been compared with the counters, wall clock.
    """

    def __init__(self, watermarks: Watermarks) -> None:
        self._watermarks = watermarks
        self._by_container: LruQueues[str | None, _Entry] = LruQueues(_CONTAINERS_KEPT, of_each=_PUBLISHED_KEPT)
        self._on_host: deque[_Entry] = deque(maxlen=_PUBLISHED_KEPT)
        self._waiting: deque[_Count] = deque()
        self._counting_since_ns: int | None = None
        self._is_followed = False
        self.compared_until_ns = 0

    def feed_gap(self, fact: GapFact) -> None:
        """
        Note that sources are followed: one has said when it came up. The one count of a recording is of all its time.
        """
        self._is_followed |= fact.what is GapKind.SOURCE_UP and fact.at_ns > 0

    @property
    def kept(self) -> int:
        """
        How many kills are kept for later counts, of containers and of the host together.
        """
        return len(self._on_host) + sum(map(len, self._by_container.values()))

    def note_published(self, kills: Iterable[PublishedKill]) -> None:
        """
        Note a published kill; of one with victims in several containers, the part of each.

        Kills before the first read of the counters are ignored: the log may describe many of them.
        """
        for kill in kills:
            if kill.at_ns < (self._counting_since_ns or 0) - _SLACK_NS:
                continue
            self._on_host.append(_Entry(kill))
            self._by_container.add(kill.container_id, _Entry(kill))
            if self._is_followed and self._counting_since_ns is None:
                self._forget_before(kill.at_ns - _UNCOUNTED_KEPT_NS)

    def feed(self, fact: OomCountedFact, now_ns: int) -> None:
        """
        Take a count. The host's comes after those of its containers, at every read.
        """
        if fact.container_id is None and self._counting_since_ns is None:
            self._counting_since_ns = fact.from_ns
        self._waiting.append(_Count(fact=fact, deadline_ns=now_ns + COMPARE_AFTER_NS, latest_ns=now_ns + CAP_NS))

    def tick(self, now_ns: int, unpublished_ns: Sequence[int] = ()) -> list[UnexplainedCount | UnconfirmedKill]:
        """
        Compare the counts that are due; return what does not match.

        Args:
            now_ns: a clock that only goes forward.
            unpublished_ns: the times of kills that are not published yet, wall clock, sorted.
        """
        unexplained: list[UnexplainedCount] = []
        unconfirmed: list[UnconfirmedKill] = []
        while self._waiting and self._is_due(self._waiting[0], now_ns, unpublished_ns):
            fact = self._waiting.popleft().fact
            if fact.container_id is None:
                self.compared_until_ns = fact.read_ns
            found = self._compare(fact)
            unexplained += [found] if found is not None else []
            if fact.container_id is None:
                unconfirmed += self._find_unconfirmed(fact)
                self._forget_before(fact.from_ns - 2 * _SLACK_NS)
        return [*unexplained, *unconfirmed]

    def next_deadline_ns(self) -> int | None:
        """
        Return when `tick` should be called next.
        """
        return self._waiting[0].deadline_ns if self._waiting else None

    def wants_watermarks(self, now_ns: int) -> bool:
        """
        Return whether a count waits for logs to be read, or will soon.

        A count of no kill does not: whatever the logs have, they cannot explain it better. A host without kills is not
        asked every few seconds.
        """
        if not self._waiting or not self._waiting[0].fact.count:
            return False
        return now_ns >= self._waiting[0].deadline_ns - ASK_AHEAD_NS

    def _is_due(self, count: "_Count", now_ns: int, unpublished_ns: Sequence[int]) -> bool:
        """
        Return whether every log has been read past a count, and every kill before it has been published. A kill that
        is read after a count of none is compared with the next one.
        """
        if now_ns < count.deadline_ns:
            return False
        waits_for_kill = is_any_between(unpublished_ns, count.fact.from_ns - _SLACK_NS, count.fact.to_ns + _SLACK_NS)
        if not count.fact.count and not waits_for_kill:
            return True
        self._watermarks.extend(count, now_ns, count.fact.to_ns, COUNTER_LAGS_NS, is_open=waits_for_kill)
        return now_ns >= count.deadline_ns

    def _forget_before(self, at_ns: int) -> None:
        """
        Forget the kills from before a time: no count that is still to come includes them.

        Kills are published nearly in their order; one that is not is forgotten with the next ones.
        """
        while self._on_host and self._on_host[0].kill.at_ns < at_ns:
            self._on_host.popleft()
        while self._by_container:
            container_id, entries = next(iter(self._by_container.items()))
            if entries[-1].kill.at_ns >= at_ns:
                return
            del self._by_container[container_id]

    def _compare(self, fact: OomCountedFact) -> UnexplainedCount | None:
        entries = self._on_host if fact.container_id is None else self._by_container.get(fact.container_id, ())
        missing = fact.count - _explained(entries, fact, self._counting_since_ns or 0)
        if missing <= 0:
            return None
        meanwhile = [entry.kill for entry in self._on_host if _is_between(entry, fact)]
        unplaced = sum(kill.kills for kill in meanwhile if kill.container_id is None)
        found = UnexplainedCount(
            container_id=fact.container_id,
            count=missing,
            from_ns=fact.from_ns,
            to_ns=fact.to_ns,
            unplaced=unplaced,
            published_pids=frozenset[int]().union(*(kill.pids for kill in meanwhile)),
        )
        if fact.container_id is not None and unplaced < missing:
            self._on_host.append(_Entry(_as_published(found)))
        return found

    def _find_unconfirmed(self, fact: OomCountedFact) -> list[UnconfirmedKill]:
        """
        Return the kills that the host's counter should have shown by now, and has not; each once.
        """
        found: list[UnconfirmedKill] = []
        read_ns = fact.read_ns if fact.read_ns is not None else fact.to_ns
        for entry in self._on_host:
            at_ns = entry.kill.at_ns
            counting = self._counting_since_ns is not None and at_ns > self._counting_since_ns + _SLACK_NS
            if counting and not (entry.used or entry.unconfirmed) and at_ns < read_ns - 2 * _SLACK_NS:
                entry.unconfirmed = True
                # A count of a container is noted here as well; it is not a published kill.
                found += [UnconfirmedKill(kill=entry.kill)] if entry.kill.event_id else []
        return found


def _explained(entries: Iterable[_Entry], fact: OomCountedFact, since_ns: int) -> int:
    """
    Return how much of a count the kills explain. What a kill has explained of one count explains nothing of another:
    the counter may be read between the victims of a group.
    """
    explained = 0
    free = [entry for entry in entries if entry.used < entry.kill.kills and _is_between(entry, fact)]
    for entry in sorted(free, key=lambda entry: _rank(entry.kill, fact, since_ns)):
        if explained < fact.count:
            part = min(entry.kill.kills - entry.used, fact.count - explained)
            entry.used += part
            explained += part
    return explained


def _rank(kill: PublishedKill, fact: OomCountedFact, since_ns: int) -> int:
    """
    Return the place of a kill among those that may be in a count: the lowest is in it most likely.

    The oldest comes first, as a later kill may belong to the next count. One from about the first read of the counters
    may be in no count at all: of the first count the kills farthest from its ends come first.
    """
    if fact.from_ns > since_ns + _SLACK_NS:
        return kill.at_ns
    return -min(kill.at_ns - fact.from_ns, fact.to_ns - kill.at_ns)


def _is_between(entry: _Entry, fact: OomCountedFact) -> bool:
    return fact.from_ns - _SLACK_NS <= entry.kill.at_ns <= fact.to_ns + _SLACK_NS


def _as_published(found: UnexplainedCount) -> PublishedKill:
    """
    Return a container's count as a kill that explains as much of the host's count.
    """
    return PublishedKill(
        event_id="",
        container_id=found.container_id,
        at_ns=found.to_ns,
        pids=frozenset(),
        kills=found.count,
        text="",
    )
