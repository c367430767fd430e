"""
The state of the agent: readiness for /readyz, gauges for /metrics, and stalls for the watchdog.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from collector.metrics import Metrics
from collector.pipeline.committer import Committer
from collector.pipeline.intake import Intake
from collector.runtime.managers import SinkManager, SourceManager
from collector.store import Store
from sinks.event.reader import read_events, time_ns

# A healthy intake turns every 5 seconds even if idle, and retries every second while the store takes nothing.
_STALLED_S: Final = 30.0
_PAGE_BYTES: Final = 4096
_STATM: Final = Path("/proc/self/statm")
# A time in the far future, so that events whose retry is delayed are found too.
_FAR_FUTURE_S: Final = 1e18
_NS_PER_S: Final = 1_000_000_000


class Health:
    """
    Reads the state of the agent's parts; never changes them.

    Args:
        metrics: its gauges are refreshed.
        store: how many events are pending.
        intake: whether it makes progress.
        committer: whether the store takes events.
        sources: which sources are up.
        sinks: which sinks are up.
        wall_s: the wall clock, seconds since 1970.

    Attributes:
        ready: the agent has started and is not stopping.
    """

    def __init__(
        self,
        metrics: Metrics,
        store: Store,
        *,
        intake: Intake,
        committer: Committer,
        sources: SourceManager,
        sinks: SinkManager,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self.ready = False
        self._metrics = metrics
        self._store = store
        self._intake = intake
        self._committer = committer
        self._sources = sources
        self._sinks = sinks
        self._wall_s = wall_s

    def readiness(self) -> tuple[bool, Sequence[str]]:
        """
        Return whether the agent works, and everything that is wrong, one line each.

        It works if it has started, the store takes events and is in its place, and no source is down that is required
        or has been up. A sink that is down is listed too, but its events wait and the agent still works.
        """
        reasons = [] if self.ready else ["starting or stopping"]
        states = [supervisor.state for supervisor in self._sources.supervisors]
        if self._committer.trouble is not None:
            reasons.append(f"the store takes no events: {self._committer.trouble}")
        if self._store.trouble is not None:
            reasons.append(f"the store is not safe: {self._store.trouble}")
        reasons += [f"source {state.name} is down: {state.why}" for state in states if state.missed]
        notes = [
            f"sink {name} does not take events (circuit {health.circuit.value}): {health.why}"
            for name, health in self._sinks.health.items()
            if health.why is not None
        ]
        return not reasons, [*reasons, *notes, *self._lags()]

    def down_sources(self) -> list[tuple[str, str]]:
        """
        Return the sources that should be read and are not, each with the reason.
        """
        states = [supervisor.state for supervisor in self._sources.supervisors]
        return [(state.name, state.why or "it is starting") for state in states if not state.up and state.why]

    def _lags(self) -> Iterator[str]:
        """
        Say for each source that is up how late it was processed last, and how full its buffer is.
        """
        for supervisor in self._sources.supervisors:
            if supervisor.state.up:
                lag_s = self._intake.lateness.lag_s(supervisor.state.name)
                lag = f"lag {lag_s:.1f} s" if lag_s is not None else "nothing read yet"
                drain = supervisor.drain
                buffer = f", buffer {drain.fill:.0%} full" if drain is not None else ""
                yield f"source {supervisor.state.name} is up: {lag}{buffer}"

    def stall_reason(self) -> str | None:
        """
        Return why the agent makes no progress; None if it does.
        """
        stalled_s = self._intake.since_progress_s()
        return f"the intake has made no progress for {stalled_s:.0f} s" if stalled_s > _STALLED_S else None

    async def refresh_metrics(self) -> None:
        """
        Set the gauges of sources, sinks and store, and the agent's memory.
        """
        for supervisor in self._sources.supervisors:
            state = supervisor.state
            self._metrics.source_up.set(state.name, to=state.up)
            self._metrics.source_records.set(state.name, to=supervisor.records)
            self._metrics.source_garbage.set(state.name, to=supervisor.garbage)
            if supervisor.drain is not None:
                self._metrics.source_buffer_bytes.set(state.name, to=supervisor.drain.size_bytes)
                self._metrics.source_buffer_full_seconds.raise_to(state.name, to=supervisor.drain.full_ns / _NS_PER_S)
        for name, health in self._sinks.health.items():
            self._metrics.sink_circuit.set_state(name, state=health.circuit)
            self._metrics.sink_depth.set(name, to=self._store.depth(name))
            self._metrics.sink_oldest_seconds.set_age(name, seconds=await self._oldest_s(name))
        self._metrics.store_up.set(to=self._committer.trouble is None and self._store.trouble is None)
        resident_pages = int(_STATM.read_text(encoding="ascii").split()[1])
        self._metrics.resident_memory_bytes.set(to=resident_pages * _PAGE_BYTES)

    async def _oldest_s(self, sink: str) -> float:
        """
        Return the age of the oldest pending event, by the time in the event; 0 if none is pending.
        """
        if not self._store.depth(sink):
            return 0
        pending = await self._store.pending(sink, 1, _FAR_FUTURE_S)
        # Without a time the event does not count: its age is unknown.
        event_ns = next((time_ns(event.time) for event in read_events(item.outgoing.body for item in pending)), None)
        return self._wall_s() - event_ns / _NS_PER_S if event_ns is not None else 0
