"""
What the agent counts of itself. Plain numbers: what turns them into text is collector/exposition.py, imported only
where somebody asks over HTTP.

Labels hold closed sets and names from the configuration, never those of containers: the series must not grow.
Series of closed sets exist from the start, so that `increase()` sees the first event.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from sinks.errors import Reason
from sinks.event import Cause, Event, EventType, EvidenceSource

_NO_CAUSE: Final = "none"
_LOST: Final = "records_lost"
_SECONDS: Final = "seconds"
_BYTES: Final = "bytes"


class Method(StrEnum):
    """
    What named the container of a kill: the kernel's own line, a pid that was known before, Docker, systemd; or nothing
    did, or it was in none.
    """

    CGROUP = "cgroup"
    PID = "pid"
    DOCKER = "docker"
    SYSTEMD = "systemd"
    NONE = "none"


class Circuit(StrEnum):
    """
    Whether a sink is sent to: `open` waits after failures, `half_open` tries one event, `disabled` waits for a person.
    """

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    DISABLED = "disabled"


class Series:
    """
    One metric: a number for each set of label values.

    Args:
        name: with the unit, without `_total`.
        text: for a person.
        labels: their names.
        counter: it only grows.
        unit: the last word of the name, where it is one.
    """

    def __init__(
        self, name: str, text: str, labels: Sequence[str] = (), *, counter: bool = False, unit: str = ""
    ) -> None:
        self.name = name
        self.text = text
        self.labels = tuple(labels)
        self.counter = counter
        self.unit = unit
        self.values: dict[tuple[str, ...], float] = {} if labels else {(): 0}

    def add(self, *labels: str, count: float = 1) -> None:
        """
        Count; 0 makes the series appear.
        """
        self.values[labels] = self.values.get(labels, 0) + count

    def set(self, *labels: str, to: float) -> None:
        """
        Note the value as it is now.
        """
        self.values[labels] = to

    def forget(self, label: str) -> None:
        """
        Drop what has this first label.
        """
        self.values = {labels: value for labels, value in self.values.items() if labels[0] != label}


class Metrics:
    """
    All counters and gauges.

    Args:
        sources: the names of the sources that there may be.
        sinks: the names of the sinks that are configured.
    """

    def __init__(self, sources: Sequence[str] = (), sinks: Sequence[str] = ()) -> None:
        self._all: list[Series] = []
        self._events = self._counter("events", "Events found.", "type", "cause")
        self._attributions = self._counter("attributions", "OOM kills by what named their container.", "method")
        self._source_up = self._gauge("source_up", "1 while the source is read.", "source")
        self._source_lag = self._gauge(
            "source_lag_seconds", "Age of the last fact when it was taken in.", "source", unit=_SECONDS
        )
        self._source_records = self._counter("source_records", "Records that were read.", "source")
        self._source_facts = self._counter("source_facts", "Facts: what was read and concerned us.", "source")
        self._source_garbage = self._counter("source_garbage", "Records that could not be understood.", "source")
        self._source_gaps = self._counter("source_gaps", "Times that evidence was lost.", "source", "what")
        self._sink_attempts = self._counter("sink_attempts", "Batches that were sent, or tried.", "sink")
        self._sink_sent = self._counter("sink_sent", "Events delivered.", "sink")
        self._sink_errors = self._counter("sink_errors", "Attempts that failed.", "sink", "reason")
        self._sink_dead = self._counter("sink_dead", "Events put aside for good.", "sink")
        self._sink_dropped = self._counter("sink_dropped", "Events dropped undelivered, the store being full.", "sink")
        self._sink_depth = self._gauge("sink_depth", "Events that wait.", "sink")
        self._sink_oldest = self._gauge(
            "sink_oldest_seconds", "Age of the oldest event that waits.", "sink", unit=_SECONDS
        )
        self._sink_up = self._gauge("sink_up", "1 while the sink takes events.", "sink")
        self._sink_circuit = self._gauge("sink_circuit", "1 for the state that the sink is in.", "sink", "state")
        self._store_damaged = self._counter("store_damaged", "Damaged stores that were set aside.")
        self._store_up = self._gauge("store_up", "1 while the store takes events.")
        self._loop_lag = self._gauge("loop_lag_seconds", "How late the loop was last.", unit=_SECONDS)
        self._memory = self._gauge("resident_memory_bytes", "Memory that the agent has.", unit=_BYTES)
        self._begin(sources)
        for sink in sinks:
            self.sink_added(sink)

    def value(self, name: str, *labels: str) -> float | None:
        """
        One number; None where there is no such series.
        """
        return next((series.values.get(labels) for series in self._all if series.name == name), None)

    def series(self) -> Sequence[Series]:
        """
        All of them.
        """
        return tuple(self._all)

    def event(self, event: Event) -> None:
        """
        Count an event and, of a kill, what named its container.
        """
        cause = event.exit137.cause
        self._events.add(event.type.value, cause.value if cause else _NO_CAUSE)
        if event.type is EventType.OOM_KILL:
            self._attributions.add(_method(event).value)

    def source_facts(self, source: str, count: int = 1) -> None:
        """
        Count facts that a source gave.
        """
        self._source_facts.add(source, count=count)

    def source_gap(self, source: str, what: str) -> None:
        """
        Count a loss of evidence; `what` is the word of the event about it.
        """
        self._source_gaps.add(source, what)

    def source_lag(self, source: str, lag_s: float) -> None:
        """
        Note how old a fact was when it was taken in; clocks that differ do not make it negative.
        """
        self._source_lag.set(source, to=max(lag_s, 0))

    def source_state(self, source: str, *, up: bool, records: int, garbage: int) -> None:
        """
        Note how a source is, and what it has read since it began.
        """
        self._source_up.set(source, to=up)
        self._source_records.set(source, to=records)
        self._source_garbage.set(source, to=garbage)

    def sink_added(self, sink: str) -> None:
        """
        Let the series of a sink begin.
        """
        counters = (self._sink_attempts, self._sink_sent, self._sink_dead, self._sink_dropped)
        for series in (*counters, self._sink_depth, self._sink_oldest, self._sink_up):
            series.add(sink, count=0)
        for reason in Reason:
            self._sink_errors.add(sink, reason.value, count=0)
        self.sink_circuit(sink, Circuit.CLOSED)

    def sink_removed(self, sink: str) -> None:
        """
        Forget the state of a sink that is not configured any more; what was counted stays.
        """
        for series in (self._sink_depth, self._sink_oldest, self._sink_up, self._sink_circuit):
            series.forget(sink)

    def sink_attempt(self, sink: str) -> None:
        """
        Count a batch that is about to be sent.
        """
        self._sink_attempts.add(sink)

    def sink_sent(self, sink: str, count: int) -> None:
        """
        Count delivered events.
        """
        self._sink_sent.add(sink, count=count)

    def sink_failed(self, sink: str, reason: Reason) -> None:
        """
        Count an attempt that failed.
        """
        self._sink_errors.add(sink, reason.value)

    def sink_dead(self, sink: str, count: int = 1) -> None:
        """
        Count events that were put aside: refused for good, or too old.
        """
        self._sink_dead.add(sink, count=count)

    def sink_dropped(self, sink: str, count: int) -> None:
        """
        Count events that were dropped for want of room before the sink had them.
        """
        self._sink_dropped.add(sink, count=count)

    def sink_depth(self, sink: str, waiting: int) -> None:
        """
        Note how many events wait for a sink.
        """
        self._sink_depth.set(sink, to=waiting)

    def sink_oldest(self, sink: str, age_s: float) -> None:
        """
        Note how old the oldest event is that waits for a sink; 0 when none does.
        """
        self._sink_oldest.set(sink, to=max(age_s, 0))

    def sink_up(self, sink: str, *, up: bool) -> None:
        """
        Note whether a sink takes events.
        """
        self._sink_up.set(sink, to=up)

    def sink_circuit(self, sink: str, circuit: Circuit) -> None:
        """
        Note whether a sink is sent to.
        """
        for state in Circuit:
            self._sink_circuit.set(sink, state.value, to=state is circuit)

    def store_damaged(self) -> None:
        """
        Count a damaged store that was set aside.
        """
        self._store_damaged.add()

    def store_up(self, *, up: bool) -> None:
        """
        Note whether the store takes events: neither it nor its disk is full, and nothing else refuses.
        """
        self._store_up.set(to=up)

    def loop_lag(self, lag_s: float) -> None:
        """
        Note how late the loop was.
        """
        self._loop_lag.set(to=max(lag_s, 0))

    def memory(self, resident_bytes: int) -> None:
        """
        Note how much memory the agent has.
        """
        self._memory.set(to=resident_bytes)

    def _counter(self, name: str, text: str, *labels: str) -> Series:
        return self._made(Series(f"exit137_{name}", text, labels, counter=True))

    def _gauge(self, name: str, text: str, *labels: str, unit: str = "") -> Series:
        return self._made(Series(f"exit137_{name}", text, labels, unit=unit))

    def _made(self, series: Series) -> Series:
        self._all.append(series)
        return series

    def _begin(self, sources: Sequence[str]) -> None:
        for event_type in EventType:
            for cause in (*(cause.value for cause in Cause), _NO_CAUSE):
                self._events.add(event_type.value, cause, count=0)
        for method in Method:
            self._attributions.add(method.value, count=0)
        for source in sources:
            self._source_facts.add(source, count=0)
            self._source_gaps.add(source, _LOST, count=0)
            self.source_state(source, up=False, records=0, garbage=0)


def _method(event: Event) -> Method:
    """
    What named the container of a kill: the last piece of its evidence, where the kernel's own line did not.
    """
    exit137 = event.exit137
    if event.container is None:
        return Method.NONE
    if exit137.oom is not None and exit137.oom.victim_cgroup is not None:
        return Method.CGROUP
    match exit137.evidence[-1].source if exit137.evidence else None:
        case EvidenceSource.DOCKER | EvidenceSource.INSPECT:
            return Method.DOCKER
        case EvidenceSource.JOURNALD:
            return Method.SYSTEMD
        case _:
            return Method.PID
