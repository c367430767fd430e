"""
What the agent counts of itself, for /metrics. The registry is passed in; nothing is global.

Labels hold closed sets and names from the configuration, never those of containers: the series must not grow.
Series of closed sets exist from the start, so that `increase()` sees the first event.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from sinks.errors import Reason
from sinks.event import Cause, EventType

_NO_CAUSE = "none"


class Metrics:
    """
    All counters and gauges.

    Args:
        registry: where they are registered.
        sources: the names of the sources that are configured.
        sinks: the names of the sinks that are configured.
    """

    def __init__(self, registry: CollectorRegistry, sources: Sequence[str] = (), sinks: Sequence[str] = ()) -> None:
        self._registry = registry
        self._events = Counter("exit137_events", "Events found.", ["type", "cause"], registry=registry)
        self._records = Counter("exit137_source_records", "Records that concerned us.", ["source"], registry=registry)
        self._gaps = Counter(
            "exit137_source_gaps", "Times that evidence was lost.", ["source", "what"], registry=registry
        )
        self._source_up = Gauge("exit137_source_up", "1 while the source is read.", ["source"], registry=registry)
        self._parse_errors = Counter(
            "exit137_parse_errors", "Records that could not be understood.", ["source"], registry=registry
        )
        self._sent = Counter("exit137_sink_sent", "Events delivered.", ["sink"], registry=registry)
        self._errors = Counter("exit137_sink_errors", "Attempts that failed.", ["sink", "reason"], registry=registry)
        self._dead = Counter("exit137_sink_dead", "Events put aside for good.", ["sink"], registry=registry)
        self._depth = Gauge("exit137_sink_depth", "Events that wait.", ["sink"], registry=registry)
        self._sink_up = Gauge("exit137_sink_up", "1 while the sink takes events.", ["sink"], registry=registry)
        self._store_damaged = Counter("exit137_store_damaged", "Damaged stores that were set aside.", registry=registry)
        self._begin(sources, sinks)

    def event(self, event_type: EventType, cause: Cause | None) -> None:
        """
        Count an event.
        """
        self._events.labels(event_type.value, cause.value if cause else _NO_CAUSE).inc()

    def source_records(self, source: str, count: int = 1) -> None:
        """
        Count records that a source gave.
        """
        self._records.labels(source).inc(count)

    def source_gap(self, source: str, what: str) -> None:
        """
        Count a loss of evidence; `what` is the word of the event about it.
        """
        self._gaps.labels(source, what).inc()

    def source_up(self, source: str, *, up: bool) -> None:
        """
        Note whether a source is read.
        """
        self._source_up.labels(source).set(up)

    def parse_error(self, source: str) -> None:
        """
        Count a record that could not be understood.
        """
        self._parse_errors.labels(source).inc()

    def sink_sent(self, sink: str, count: int) -> None:
        """
        Count delivered events.
        """
        self._sent.labels(sink).inc(count)

    def sink_failed(self, sink: str, reason: Reason) -> None:
        """
        Count an attempt that failed.
        """
        self._errors.labels(sink, reason.value).inc()

    def sink_dead(self, sink: str) -> None:
        """
        Count an event that a sink will never take.
        """
        self._dead.labels(sink).inc()

    def sink_depth(self, sink: str, waiting: int) -> None:
        """
        Note how many events wait for a sink.
        """
        self._depth.labels(sink).set(waiting)

    def sink_up(self, sink: str, *, up: bool) -> None:
        """
        Note whether a sink takes events.
        """
        self._sink_up.labels(sink).set(up)

    def store_damaged(self) -> None:
        """
        Count a damaged store that was set aside.
        """
        self._store_damaged.inc()

    def text(self) -> bytes:
        """
        Everything in the Prometheus text format, version 0.0.4.
        """
        return generate_latest(self._registry)

    def _begin(self, sources: Sequence[str], sinks: Sequence[str]) -> None:
        for event_type in EventType:
            for cause in (*(cause.value for cause in Cause), _NO_CAUSE):
                self._events.labels(event_type.value, cause)
        for source in sources:
            for metric in (self._records, self._source_up, self._parse_errors):
                metric.labels(source)
        for sink in sinks:
            for metric in (self._sent, self._dead, self._depth, self._sink_up):
                metric.labels(sink)
            for reason in Reason:
                self._errors.labels(sink, reason.value)
