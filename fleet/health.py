"""
The state of the hub: readiness for /readyz, gauges for /metrics, and stalls for the watchdog.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from collector.metrics import Metrics
from collector.runtime.managers import SinkManager
from collector.store import Store
from fleet.intake import FleetIntake

if TYPE_CHECKING:
    from fleet.inputs.kafka import KafkaInput

# The intake turns every second, and tries to store every second while the disk refuses.
_STALLED_S: Final = 30.0


class HubHealth:
    """
    Reads the state of the hub's parts; never changes them.

    Args:
        metrics: its gauges are refreshed.
        outbox: how many incidents are pending.
        intake: whether the store takes events.
        sinks: which sinks are up.
        kafka: returns the input of Kafka, if there is one.
        cluster: returns what is wrong with the hub's part in a cluster.
        monotonic_s: CLOCK_MONOTONIC.

    Attributes:
        ready: the hub has started and is not stopping.
    """

    def __init__(
        self,
        metrics: Metrics,
        outbox: Store,
        intake: FleetIntake,
        sinks: SinkManager,
        *,
        kafka: "Callable[[], KafkaInput | None]",
        cluster: Callable[[], Sequence[str]] = lambda: (),
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ready = False
        self._metrics = metrics
        self._outbox = outbox
        self._intake = intake
        self._sinks = sinks
        self._kafka = kafka
        self._cluster = cluster
        self._monotonic_s = monotonic_s

    def readiness(self) -> tuple[bool, Sequence[str]]:
        """
        Return whether the hub works, and everything that is wrong, one line each.

        A sink that is down is listed too, but its incidents wait and the hub still works.
        """
        reasons = [] if self.ready else ["starting or stopping"]
        if self._intake.trouble is not None:
            reasons.append(f"the store takes no events: {self._intake.trouble}")
        kafka = self._kafka()
        if kafka is not None and not kafka.is_up:
            reasons.append("the brokers of hub.kafka cannot be reached")
        reasons += self._cluster()
        notes = [
            f"sink {name} does not take events (circuit {health.circuit.value}): {health.why}"
            for name, health in self._sinks.health.items()
            if health.why is not None
        ]
        return not reasons, [*reasons, *notes]

    def stall_reason(self) -> str | None:
        """
        Return why the hub makes no progress; None if it does.
        """
        stalled_s = self._monotonic_s() - self._intake.progress_s
        return f"the intake has made no progress for {stalled_s:.0f} s" if stalled_s > _STALLED_S else None

    async def refresh_metrics(self) -> None:
        """
        Set the gauges of sinks and store.
        """
        for name, health in self._sinks.health.items():
            self._metrics.sink_circuit.set_state(name, state=health.circuit)
            self._metrics.sink_depth.set(name, to=self._outbox.depth(name))
        self._metrics.store_up.set(to=self._intake.trouble is None)
