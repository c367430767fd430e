"""
How the agent is: whether it does its work, for /readyz; what /metrics shows of it; whether the watchdog may be fed.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from collector.intake import Intake
from collector.metrics import Metrics
from collector.running import RunningSinks, RunningSources
from collector.store import Store

# An intake that took nothing for so long hangs: it looks around every few seconds, also while the store takes nothing.
_STALLED_S: Final = 30.0
_PAGE_BYTES: Final = 4096
_STATM: Final = Path("/proc/self/statm")
_FAR_S: Final = 1e18


class Health:
    """
    Looks at the parts of the agent; changes none of them.

    Args:
        metrics: where what is seen is noted.
        store: where events wait.
        intake: what takes readings in.
        sources: what is read.
        sinks: what is sent to.
        wall_s: seconds since 1970.

    Attributes:
        ready: the agent has started, and does not stop yet.
    """

    def __init__(
        self,
        metrics: Metrics,
        store: Store,
        *,
        intake: Intake,
        sources: RunningSources,
        sinks: RunningSinks,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self.ready = False
        self._metrics = metrics
        self._store = store
        self._intake = intake
        self._sources = sources
        self._sinks = sinks
        self._wall_s = wall_s

    def readiness(self) -> tuple[bool, Sequence[str]]:
        """
        Whether the agent does its work: started, the store takes events, and no source is down that was asked for or
        has been up.

        A sink that is down is told as well; its events wait, so that the agent still does its work.
        """
        reasons = [] if self.ready else ["starting or stopping"]
        states = [supervisor.state for supervisor in self._sources.supervisors]
        if self._intake.trouble is not None:
            reasons.append(f"the store takes no events: {self._intake.trouble}")
        reasons += [f"source {state.name} is down: {state.why}" for state in states if state.missed]
        notes = [
            f"sink {name} does not take events (circuit {health.circuit.value}): {health.why}"
            for name, health in self._sinks.health.items()
            if health.why is not None
        ]
        return not reasons, [*reasons, *notes]

    def ailment(self) -> str | None:
        """
        Why the watchdog must not be fed; None: it may be.
        """
        stalled_s = self._intake.since_turn_s()
        return f"nothing was taken in for {stalled_s:.0f} s" if stalled_s > _STALLED_S else None

    async def look(self) -> None:
        """
        Note what is not counted as it happens: how sources and sinks are, and the agent's memory.
        """
        for supervisor in self._sources.supervisors:
            state = supervisor.state
            self._metrics.source_state(state.name, up=state.up, records=supervisor.records, garbage=supervisor.garbage)
        for name, health in self._sinks.health.items():
            self._metrics.sink_circuit(name, health.circuit)
            self._metrics.sink_depth(name, self._store.depth(name))
            self._metrics.sink_oldest(name, await self._oldest_s(name))
        self._metrics.store_up(up=self._intake.trouble is None)
        self._metrics.memory(int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE_BYTES)

    async def _oldest_s(self, sink: str) -> float:
        """
        How old the first event is that waits for a sink, delayed or not, by the time that it tells.
        """
        if not self._store.depth(sink):
            return 0
        waiting = await self._store.pending(sink, 1, _FAR_S)
        told = orjson.loads(waiting[0].outgoing.body).get("time") if waiting else None
        if told is None:
            return 0
        return self._wall_s() - datetime.fromisoformat(told).astimezone(UTC).timestamp()
