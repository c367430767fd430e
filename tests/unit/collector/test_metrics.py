"""
The table of metrics.
"""

from enum import StrEnum

from collector.metrics import Metrics
from sinks.errors import Reason


class State(StrEnum):
    """
    The states of a small circuit breaker.
    """

    CLOSED = "closed"
    OPEN = "open"


def test_series_of_closed_sets_start_at_zero() -> None:
    """
    A series that begins with its first event hides that event from `increase()`.
    """
    metrics = Metrics(sources=["kmsg"], sinks=["a"])
    assert metrics.value("exit137_events", "exit137.oom_kill", "oom_kill") == 0
    assert metrics.value("exit137_source_gaps", "kmsg", "records_lost") == 0
    assert {metrics.value("exit137_sink_errors", "a", reason.value) for reason in Reason} == {0}


def test_removing_a_sink_keeps_its_counters() -> None:
    """
    The counters of a removed sink stay; its gauges disappear, because nobody updates them any more.
    """
    metrics = Metrics(sinks=["a"])
    metrics.sink_sent.add("a", count=3)
    metrics.sink_circuit.set_state("a", state=State.OPEN)
    metrics.remove_sink("a")
    assert metrics.value("exit137_sink_sent", "a") == 3
    assert metrics.value("exit137_sink_circuit", "a", "open") is None


def test_exactly_one_state_is_set() -> None:
    """
    A new state replaces the old one.
    """
    metrics = Metrics()
    metrics.sink_circuit.set_state("a", state=State.OPEN)
    metrics.sink_circuit.set_state("a", state=State.CLOSED)
    assert metrics.value("exit137_sink_circuit", "a", "open") == 0
    assert metrics.value("exit137_sink_circuit", "a", "closed") == 1


def test_an_age_is_never_negative() -> None:
    """
    The kernel's clock and the wall clock are some hundredths of a second apart.
    """
    metrics = Metrics()
    metrics.source_lag_seconds.set_age("kmsg", seconds=-0.02)
    assert metrics.value("exit137_source_lag_seconds", "kmsg") == 0


def test_an_attribute_has_the_name_of_its_metric() -> None:
    """
    Whoever reads a name in Prometheus finds the code that counts by searching for the same word.
    """
    metrics = Metrics()
    assert [series.name for series in metrics.series] == [
        f"exit137_{name}" for name in vars(metrics) if not name.startswith("_")
    ]


def test_the_unit_is_the_last_word_of_the_name() -> None:
    """
    OpenMetrics requires that a metric's name ends with its unit.
    """
    metrics = Metrics()
    assert metrics.loop_lag_seconds.unit == "seconds"
    assert metrics.resident_memory_bytes.unit == "bytes"
    assert metrics.source_up.unit == ""
