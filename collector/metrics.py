"""
The agent's counters and gauges, as plain numbers. `collector/runtime/exposition.py` renders them for Prometheus.

Label values come from closed sets and from the configuration, never from containers, so that the number of series does
not grow. Series of closed sets start at 0, so that `increase()` sees the first event.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from sinks.errors import Reason
from sinks.event import Cause, EventType

# The value of the label `cause` of an event that has no cause.
NO_CAUSE: Final = "none"
_RECORDS_LOST: Final = "records_lost"
# The sources that copy their input before they work on it.
_BUFFERED: Final = frozenset({"kmsg", "processes", "trace"})
_UNITS: Final = frozenset({"seconds", "bytes"})


class Kind(StrEnum):
    """
    The type of a metric, as Prometheus defines it.
    """

    COUNTER = "counter"
    GAUGE = "gauge"


class Series:
    """
    One metric: a number for each combination of label values.

    Args:
        name: without the suffix `_total`; a unit is its last word.
        kind: a counter only grows.
        text: the HELP text.
        labels: the names of the labels.
    """

    def __init__(self, name: str, kind: Kind, text: str, labels: Sequence[str] = ()) -> None:
        self.name = name
        self.kind = kind
        self.text = text
        self.labels = tuple(labels)
        self.values: dict[tuple[str, ...], float] = {} if labels else {(): 0}

    @property
    def unit(self) -> str:
        """
        `seconds`, `bytes` or, for a metric without a unit, the empty string.
        """
        last_word = self.name.rpartition("_")[2]
        return last_word if last_word in _UNITS else ""

    def add(self, *labels: str, count: float = 1) -> None:
        """
        Increase the value; a count of 0 creates the series.
        """
        self.values[labels] = self.values.get(labels, 0) + count

    def set(self, *labels: str, to: float) -> None:
        """
        Replace the value.
        """
        self.values[labels] = to

    def raise_to(self, *labels: str, to: float) -> None:
        """
        Replace the value unless it is higher: a counter that is counted elsewhere, and may start again there.
        """
        self.values[labels] = max(self.values.get(labels, 0), to)

    def set_age(self, *labels: str, seconds: float) -> None:
        """
        Replace the value by an age. A negative age becomes 0: the kernel's clock and the wall clock differ a little.
        """
        self.set(*labels, to=max(seconds, 0))

    def set_state(self, *labels: str, state: StrEnum) -> None:
        """
        Set the series of one enum member to 1 and those of the other members to 0.
        """
        for member in type(state):
            self.set(*labels, member.value, to=member is state)

    def remove(self, first_label: str) -> None:
        """
        Remove all values whose first label has this value.
        """
        self.values = {labels: value for labels, value in self.values.items() if labels[0] != first_label}


class Metrics:
    """
    The table of all metrics. An attribute has the name that Prometheus shows, without `exit137_` and `_total`.

    Args:
        sources: the names of the sources that may run.
        sinks: the names of the configured sinks.
    """

    def __init__(self, sources: Sequence[str] = (), sinks: Sequence[str] = ()) -> None:
        self._table: list[Series] = []
        counter, gauge = self._counter, self._gauge
        self.events = counter("events", "Published events.", "type", "cause")
        self.attributions = counter("attributions", "OOM kills by what identified the container.", "method")
        self.source_up = gauge("source_up", "1 while the source is read.", "source")
        self.source_lag_seconds = gauge("source_lag_seconds", "Age of the last fact when it was processed.", "source")
        self.source_records = counter("source_records", "Records read.", "source")
        self.source_facts = counter("source_facts", "Facts extracted from records.", "source")
        self.source_garbage = counter("source_garbage", "Records that could not be parsed.", "source")
        self.source_buffer_bytes = gauge("source_buffer_bytes", "Copied and not processed yet.", "source")
        self.source_buffer_full_seconds = counter(
            "source_buffer_full_seconds", "Time that the buffer of the source was full.", "source"
        )
        self.source_gaps = counter("source_gaps", "Times that evidence was lost.", "source", "what")
        self.sink_attempts = counter("sink_attempts", "Attempts to send a batch.", "sink")
        self.sink_sent = counter("sink_sent", "Delivered events.", "sink")
        self.sink_errors = counter("sink_errors", "Failed attempts.", "sink", "reason")
        self.sink_dead = counter("sink_dead", "Dead-lettered events.", "sink")
        self.sink_dropped = counter("sink_dropped", "Undelivered events dropped from a full store.", "sink")
        self.sink_depth = gauge("sink_depth", "Pending events.", "sink")
        self.sink_oldest_seconds = gauge("sink_oldest_seconds", "Age of the oldest pending event.", "sink")
        self.sink_up = gauge("sink_up", "1 while the sink accepts events.", "sink")
        self.sink_circuit = gauge("sink_circuit", "1 for the state of the sink's circuit breaker.", "sink", "state")
        self.store_damaged = counter("store_damaged", "Damaged stores that were replaced.")
        self.store_rewritten = counter("store_rewritten", "Deleted or replaced stores that were written anew.")
        self.store_up = gauge("store_up", "1 while the store accepts events.")
        self.loop_lag_seconds = gauge("loop_lag_seconds", "Delay of the event loop at the last check.")
        self.resident_memory_bytes = gauge("resident_memory_bytes", "Resident memory of the agent.")
        self._create_closed_sets(sources)
        for sink in sinks:
            self.add_sink(sink)

    @property
    def series(self) -> Sequence[Series]:
        """
        All metrics, in the order of the table.
        """
        return tuple(self._table)

    def value(self, name: str, *labels: str) -> float | None:
        """
        Look up one number by the metric's full name without `_total`; None if there is no such series.
        """
        return next((series.values.get(labels) for series in self._table if series.name == name), None)

    def add_sink(self, sink: str) -> None:
        """
        Create the series of a sink. The state of its circuit breaker is set by its courier.
        """
        counters = (self.sink_attempts, self.sink_sent, self.sink_dead, self.sink_dropped)
        for series in (*counters, self.sink_depth, self.sink_oldest_seconds, self.sink_up):
            series.add(sink, count=0)
        for reason in Reason:
            self.sink_errors.add(sink, reason.value, count=0)

    def remove_sink(self, sink: str) -> None:
        """
        Remove the gauges of a sink that is no longer configured. Its counters stay, because a counter never goes back.
        """
        for series in (self.sink_depth, self.sink_oldest_seconds, self.sink_up, self.sink_circuit):
            series.remove(sink)

    def _counter(self, name: str, text: str, *labels: str) -> Series:
        return self._register(Series(f"exit137_{name}", Kind.COUNTER, text, labels))

    def _gauge(self, name: str, text: str, *labels: str) -> Series:
        return self._register(Series(f"exit137_{name}", Kind.GAUGE, text, labels))

    def _register(self, series: Series) -> Series:
        self._table.append(series)
        return series

    def _create_closed_sets(self, sources: Sequence[str]) -> None:
        for event_type in EventType:
            for cause in (*(cause.value for cause in Cause), NO_CAUSE):
                self.events.add(event_type.value, cause, count=0)
        for source in sources:
            self.source_facts.add(source, count=0)
            self.source_gaps.add(source, _RECORDS_LOST, count=0)
            for series in (self.source_up, self.source_records, self.source_garbage):
                series.set(source, to=0)
        for source in _BUFFERED.intersection(sources):
            for series in (self.source_buffer_bytes, self.source_buffer_full_seconds):
                series.set(source, to=0)
