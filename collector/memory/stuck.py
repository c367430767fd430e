"""
Containers that survived the OOM kill of a child and are in a bad state since.

Three states are known, each told once and again when it has passed: it burns all the CPU it may have, its health
check fails, or its children are killed one after the other. Only what begins after a kill counts.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_NS_PER_S: Final = 1_000_000_000
# What begins later than this after the last kill has another reason.
_CONCERN_NS: Final = 600 * _NS_PER_S
_SPIN_NS: Final = 30 * _NS_PER_S
_SPIN_SHARE: Final = 0.95
_CALM_SHARE: Final = 0.5
_KILLS: Final = 3
_MOST_KILLS: Final = 256


class StuckState(StrEnum):
    """
    The bad states.
    """

    SPINNING = "spinning"
    UNHEALTHY = "unhealthy"
    KILLING = "killing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """
    A container got into a bad state after a kill, or out of it.

    Attributes:
        over: it is out of it again.
        since_ns: when the state began, wall clock; so with the others.
        kills: children killed, in the ten minutes before and since.
        kill_ids: the events of these kills, oldest first.
        cpu_share: of what it may use, 1.0 is all; only where it spins.
    """

    container_id: str
    state: StuckState
    over: bool
    at_ns: int
    since_ns: int
    kills: int
    first_kill_ns: int
    kill_ids: tuple[str, ...]
    cpu_share: float | None = None


class StuckWatch:
    """
    Watches one container from the first OOM kill of a child on. All times are of the wall clock, as the facts'.

    Args:
        container_id: its id.
        busy: it burned all its CPU already before the kill; so with `unhealthy`.
    """

    def __init__(self, container_id: str, *, busy: bool = False, unhealthy: bool = False) -> None:
        self._container_id = container_id
        self._kills: deque[tuple[int, str]] = deque(maxlen=_MOST_KILLS)
        self._busy_since_ns = 0 if busy else None
        self._unhealthy_before = unhealthy
        self._since_ns: dict[StuckState, int] = {}

    @property
    def idle(self) -> bool:
        """
        Whether there is nothing to watch any more.
        """
        return not self._kills and not self._since_ns

    def killed(self, event_id: str, at_ns: int) -> list[Stuck]:
        """
        A child was killed.
        """
        self._forget(at_ns)
        self._kills.append((at_ns, event_id))
        if len(self._kills) < _KILLS:
            return []
        return self._begin(StuckState.KILLING, at_ns, since_ns=self._kills[0][0])

    def cpu(self, share: float, at_ns: int) -> list[Stuck]:
        """
        How much of the CPU time that it may have it used since the last call.

        Args:
            share: of the cores that it may use, 1.0 is all of them; of one core where it has no limit.
            at_ns: now.
        """
        if share >= _SPIN_SHARE:
            if self._busy_since_ns is None:
                self._busy_since_ns = at_ns
            spun = at_ns - self._busy_since_ns >= _SPIN_NS and self._concerns(self._busy_since_ns)
            return self._begin(StuckState.SPINNING, at_ns, self._busy_since_ns, share) if spun else []
        self._busy_since_ns = None
        return self._end(StuckState.SPINNING, at_ns, share) if share <= _CALM_SHARE else []

    def health(self, status: str, at_ns: int) -> list[Stuck]:
        """
        What Docker's health check says: `healthy`, `unhealthy`, `starting`, `none`.
        """
        if status != "unhealthy":
            self._unhealthy_before = False
            return self._end(StuckState.UNHEALTHY, at_ns)
        if self._unhealthy_before or not self._concerns(at_ns):
            return []
        return self._begin(StuckState.UNHEALTHY, at_ns, at_ns)

    def tick(self, at_ns: int) -> list[Stuck]:
        """
        Let time pass: kills that are long ago end the series.
        """
        ended = StuckState.KILLING in self._since_ns and self._kills[-1][0] + _CONCERN_NS <= at_ns
        told = self._end(StuckState.KILLING, at_ns) if ended else []
        self._forget(at_ns)
        return told

    def _begin(self, state: StuckState, at_ns: int, since_ns: int, share: float | None = None) -> list[Stuck]:
        if state in self._since_ns:
            return []
        self._since_ns[state] = since_ns
        return [self._told(state, at_ns, since_ns, share, over=False)]

    def _end(self, state: StuckState, at_ns: int, share: float | None = None) -> list[Stuck]:
        since_ns = self._since_ns.pop(state, None)
        return [self._told(state, at_ns, since_ns, share, over=True)] if since_ns is not None else []

    def _told(self, state: StuckState, at_ns: int, since_ns: int, share: float | None, *, over: bool) -> Stuck:
        return Stuck(
            container_id=self._container_id,
            state=state,
            over=over,
            at_ns=at_ns,
            since_ns=since_ns,
            kills=len(self._kills),
            first_kill_ns=self._kills[0][0] if self._kills else since_ns,
            kill_ids=tuple(event_id for _, event_id in self._kills),
            cpu_share=share,
        )

    def _concerns(self, began_ns: int) -> bool:
        """
        Whether a kill is the likely reason of what began then.
        """
        return bool(self._kills) and self._kills[0][0] <= began_ns <= self._kills[-1][0] + _CONCERN_NS

    def _forget(self, at_ns: int) -> None:
        """
        Drop kills of more than ten minutes ago, but not while a state lasts that they explain.
        """
        while self._kills and not self._since_ns and self._kills[0][0] + _CONCERN_NS <= at_ns:
            self._kills.popleft()
