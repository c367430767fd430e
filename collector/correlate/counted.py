"""
Compares what the kernel counted with what was told: a kill in a container that no evidence explains is told as such.

A count comes some seconds after the kills, and says that they were between two looks. Evidence may still be on its way
then, so a comparison waits for a moment.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from collector.correlate.facts import OomCounted

COMPARE_AFTER_NS: Final = 4_000_000_000
# The clocks of the log and of the looks differ, and a kill that is counted just before a look may be told after it.
_SLACK_NS: Final = 1_000_000_000
_CONTAINERS_KEPT: Final = 2048
_TOLD_KEPT: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """
    Kills that were counted in a container, and of which nothing else is known.
    """

    container_id: str
    count: int
    from_ns: int
    to_ns: int


@dataclass(slots=True, kw_only=True)
class _Told:
    at_ns: int
    kills: int
    used: bool = False


class Counted:
    """
    The counts of all containers and the kills that were told of each.
    """

    def __init__(self) -> None:
        self._told: OrderedDict[str, deque[_Told]] = OrderedDict()
        self._waiting: deque[tuple[int, OomCounted]] = deque()

    def note_told(self, container_id: str, at_ns: int | None, kills: int) -> None:
        """
        Kills were told of a container.

        Args:
            container_id: where.
            at_ns: when they happened.
            kills: how many the kernel counts for it.
        """
        if at_ns is None:
            return
        self._told.setdefault(container_id, deque(maxlen=_TOLD_KEPT)).append(_Told(at_ns=at_ns, kills=kills))
        self._told.move_to_end(container_id)
        if len(self._told) > _CONTAINERS_KEPT:
            self._told.popitem(last=False)

    def feed(self, fact: OomCounted, now_ns: int) -> None:
        """
        Take a count; that of the host only says how many there were in all, so it explains no container.
        """
        if fact.container_id is not None:
            self._waiting.append((now_ns + COMPARE_AFTER_NS, fact))

    def tick(self, now_ns: int) -> list[Unexplained]:
        """
        Compare the counts whose time has come.
        """
        found: list[Unexplained] = []
        while self._waiting and self._waiting[0][0] <= now_ns:
            _, fact = self._waiting.popleft()
            missing = fact.count - self._explained(fact)
            if missing > 0 and fact.container_id is not None:
                found.append(
                    Unexplained(container_id=fact.container_id, count=missing, from_ns=fact.from_ns, to_ns=fact.to_ns)
                )
        return found

    def next_deadline_ns(self) -> int | None:
        """
        When `tick` should be called next.
        """
        return self._waiting[0][0] if self._waiting else None

    def _explained(self, fact: OomCounted) -> int:
        explained = 0
        for told in self._told.get(fact.container_id or "", ()):
            if not told.used and fact.from_ns - _SLACK_NS <= told.at_ns <= fact.to_ns + _SLACK_NS:
                told.used = True
                explained += told.kills
        return explained
