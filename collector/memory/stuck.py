"""
Detect containers that survived the OOM kill of a child and are in a bad state since then.

There are three states: the container uses all its CPU, its health check fails, or its children are killed one after
the other. Each is reported when it begins and when it ends. Only a state that begins after a kill counts.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_NS_PER_S: Final = 1_000_000_000
# A state that begins later than this after the last kill has another cause.
_RELATED_NS: Final = 600 * _NS_PER_S
# A restarted child may be busy for 20 s or so: that is not spinning.
_SPIN_NS: Final = 30 * _NS_PER_S
_SPIN_SHARE: Final = 0.95
# Spinning ends well below its threshold, so that a wavering load is not reported again and again.
_CALM_SHARE: Final = 0.5
_SERIES_KILLS: Final = 3
_MAX_KILLS: Final = 256


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
    A container got into a bad state after a kill, or out of it. Times are wall clock.

    Attributes:
        resolved: True if the container is out of the state.
        since_ns: when the state began.
        kills: children killed since ten minutes before the state began.
        kill_ids: the ids of the events of these kills, oldest first.
        cpu_share: CPU used of what the container may use, 1.0 is all; only for SPINNING.
    """

    container_id: str
    state: StuckState
    resolved: bool
    at_ns: int
    since_ns: int
    kills: int
    first_kill_ns: int
    kill_ids: tuple[str, ...]
    cpu_share: float | None = None


class StuckWatch:
    """
    Watches one container from the first OOM kill of a child on. All times are wall clock, as those of the facts.

    Args:
        container_id: the container.
        busy: True if it used all its CPU already before the kill.
        unhealthy: True if its health check failed already before the kill.
    """

    def __init__(self, container_id: str, *, busy: bool = False, unhealthy: bool = False) -> None:
        self._container_id = container_id
        self._kills: deque[tuple[int, str]] = deque(maxlen=_MAX_KILLS)
        # 0: busy since before any kill, which no kill explains.
        self._busy_since_ns = 0 if busy else None
        self._unhealthy_before = unhealthy
        self._since_ns: dict[StuckState, int] = {}

    @property
    def idle(self) -> bool:
        """
        Whether there is nothing left to watch.
        """
        return not self._kills and not self._since_ns

    def add_kill(self, event_id: str, at_ns: int) -> list[Stuck]:
        """
        Add the OOM kill of a child; return the change that it makes.
        """
        self._drop_old_kills(at_ns)
        self._kills.append((at_ns, event_id))
        if len(self._kills) < _SERIES_KILLS:
            return []
        return self._begin(StuckState.KILLING, at_ns, since_ns=self._kills[0][0])

    def add_cpu_share(self, share: float, at_ns: int) -> list[Stuck]:
        """
        Add the CPU use since the last call; return the change that it makes.

        Args:
            share: of the cores that the container may use, 1.0 is all of them; of one core if it has no limit.
            at_ns: the time of the sample.
        """
        if share >= _SPIN_SHARE:
            if self._busy_since_ns is None:
                self._busy_since_ns = at_ns
            spins = at_ns - self._busy_since_ns >= _SPIN_NS and self._is_after_kill(self._busy_since_ns)
            return self._begin(StuckState.SPINNING, at_ns, self._busy_since_ns, share) if spins else []
        self._busy_since_ns = None
        return self._end(StuckState.SPINNING, at_ns, share) if share <= _CALM_SHARE else []

    def add_health(self, status: str, at_ns: int) -> list[Stuck]:
        """
        Add a result of Docker's health check (`healthy`, `unhealthy`, `starting`, `none`); return the change it makes.
        """
        if status != "unhealthy":
            self._unhealthy_before = False
            return self._end(StuckState.UNHEALTHY, at_ns)
        if self._unhealthy_before or not self._is_after_kill(at_ns):
            return []
        return self._begin(StuckState.UNHEALTHY, at_ns, at_ns)

    def tick(self, at_ns: int) -> list[Stuck]:
        """
        End a series of kills whose last one is ten minutes ago.
        """
        ended = StuckState.KILLING in self._since_ns and self._kills[-1][0] + _RELATED_NS <= at_ns
        changes = self._end(StuckState.KILLING, at_ns) if ended else []
        self._drop_old_kills(at_ns)
        return changes

    def _begin(self, state: StuckState, at_ns: int, since_ns: int, share: float | None = None) -> list[Stuck]:
        if state in self._since_ns:
            return []
        self._since_ns[state] = since_ns
        return [self._change(state, at_ns, since_ns, share, resolved=False)]

    def _end(self, state: StuckState, at_ns: int, share: float | None = None) -> list[Stuck]:
        since_ns = self._since_ns.pop(state, None)
        return [self._change(state, at_ns, since_ns, share, resolved=True)] if since_ns is not None else []

    def _change(self, state: StuckState, at_ns: int, since_ns: int, share: float | None, *, resolved: bool) -> Stuck:
        return Stuck(
            container_id=self._container_id,
            state=state,
            resolved=resolved,
            at_ns=at_ns,
            since_ns=since_ns,
            kills=len(self._kills),
            first_kill_ns=self._kills[0][0] if self._kills else since_ns,
            kill_ids=tuple(event_id for _, event_id in self._kills),
            cpu_share=share,
        )

    def _is_after_kill(self, began_ns: int) -> bool:
        """
        Return whether a kill is the likely cause of a state that began then.
        """
        return bool(self._kills) and self._kills[0][0] <= began_ns <= self._kills[-1][0] + _RELATED_NS

    def _drop_old_kills(self, at_ns: int) -> None:
        """
        Drop kills older than ten minutes, but none while a state lasts that they explain.
        """
        while self._kills and not self._since_ns and self._kills[0][0] + _RELATED_NS <= at_ns:
            self._kills.popleft()
