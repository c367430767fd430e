"""
What /metrics shows.
"""

from prometheus_client import CollectorRegistry

from collector.metrics import Metrics
from sinks.errors import Reason
from sinks.event import Cause, EventType


def test_closed_sets_are_there_before_anything_happens() -> None:
    """
    A series that begins with its first event hides that event from `increase()`.
    """
    registry = CollectorRegistry()
    Metrics(registry, sources=["kmsg"], sinks=["a"])
    value = registry.get_sample_value
    assert value("exit137_events_total", {"type": "exit137.oom_kill", "cause": "oom_kill"}) == 0
    assert value("exit137_source_records_total", {"source": "kmsg"}) == 0
    assert [value("exit137_sink_errors_total", {"sink": "a", "reason": reason.value}) for reason in Reason] == [
        0
    ] * len(Reason)


def test_an_event_is_counted_by_type_and_cause() -> None:
    """
    One without a cause has the cause `none`.
    """
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.event(EventType.CONTAINER_DEATH, Cause.CRASH)
    metrics.event(EventType.AGENT, None)
    value = registry.get_sample_value
    assert value("exit137_events_total", {"type": "exit137.container_death", "cause": "crash"}) == 1
    assert value("exit137_events_total", {"type": "exit137.agent", "cause": "none"}) == 1


def test_two_agents_in_one_process_do_not_meet() -> None:
    """
    Each registry counts for itself.
    """
    Metrics(CollectorRegistry())
    assert b"exit137_store_damaged_total 0.0" in Metrics(CollectorRegistry()).text()
