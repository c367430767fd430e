"""
When the status of the host is due.
"""

from typing import Final

from collector.pipeline.status_schedule import StatusSchedule
from collector.publish.host_status import AgentState, status_event
from sinks.event import Event
from tests.unit.collector.correlate.scene import SECOND, THIS_HOST, ns

WALL_NS: Final = ns(0)


class Scheduled:
    """
    A schedule, and a clock that the test moves.
    """

    def __init__(self) -> None:
        self.now_ns = 0
        self.schedule = StatusSchedule(_status, lambda: self.now_ns, lambda: WALL_NS + self.now_ns)

    def at(self, now_s: float) -> int:
        """
        How many statuses are made at a time.
        """
        self.now_ns = round(now_s * SECOND)
        return len(self.schedule.take())


def _status(interval_s: float, at_ns: int) -> Event:
    return status_event(THIS_HOST, AgentState(interval_s=interval_s, version="1", sources={}), (), at_ns)


def test_nothing_is_due_where_nothing_is_configured() -> None:
    """
    The usual case.
    """
    scheduled = Scheduled()
    assert (scheduled.at(1000), scheduled.schedule.due_ns) == (0, None)


def test_the_first_status_comes_early_and_then_one_at_each_interval() -> None:
    """
    So that a fleet soon knows what runs on a new host.
    """
    scheduled = Scheduled()
    scheduled.schedule.apply(60)
    assert [scheduled.at(now_s) for now_s in (9, 10, 11, 69, 70, 71)] == [0, 1, 0, 0, 1, 0]


def test_what_was_missed_is_not_made_up_for() -> None:
    """
    The next status covers the whole time.
    """
    scheduled = Scheduled()
    scheduled.schedule.apply(60)
    assert [scheduled.at(now_s) for now_s in (10, 500, 501, 550)] == [1, 1, 0, 1]


def test_the_same_interval_changes_nothing() -> None:
    """
    A reload must not delay the next status.
    """
    scheduled = Scheduled()
    scheduled.schedule.apply(60)
    scheduled.at(10)
    scheduled.schedule.apply(60)
    assert scheduled.schedule.due_ns == 70 * SECOND


def test_no_interval_stops_it() -> None:
    """
    Where a reload removes the section.
    """
    scheduled = Scheduled()
    scheduled.schedule.apply(60)
    scheduled.schedule.apply(None)
    assert scheduled.at(1000) == 0
