"""
What is pending, in memory: complete, or not used.
"""

from dataclasses import replace

from collector.store import StoredEvent
from collector.store.backlog import Backlog

KILL = StoredEvent(
    id="1",
    type="exit137.oom_kill",
    subject="container/9f8e",
    key="9f8e",
    time_ns=1,
    container_id="9f8e",
    body=b"{}",
    sinks=("audit", "bus"),
)


def events(*numbers: int, body: bytes = b"{}") -> list[StoredEvent]:
    return [replace(KILL, id=str(number), body=body) for number in numbers]


def ids(backlog: Backlog, sink: str = "audit", limit: int = 500) -> list[str] | None:
    pending = backlog.pending(sink, limit)
    return [event.outgoing.id for event in pending] if pending is not None else None


def test_new_events_are_known_in_their_order_until_they_are_delivered() -> None:
    """
    Each sink has its own events, oldest first.
    """
    backlog = Backlog({})
    backlog.add(events(1, 2, 3))
    assert ids(backlog, limit=2) == ["1", "2"]
    backlog.remove("audit", ["1", "2"], 2)
    assert (ids(backlog), ids(backlog, "bus")) == (["3"], ["1", "2", "3"])


def test_an_event_has_the_group_that_the_database_would_give_it() -> None:
    """
    An event without a group is a group of its own.
    """
    backlog = Backlog({})
    backlog.add([KILL, replace(KILL, id="2", group="kills of shop")])
    pending = backlog.pending("audit", 2) or []
    assert [event.outgoing.group for event in pending] == ["exit137.oom_kill 9f8e", "kills of shop"]


def test_events_from_before_the_start_are_read_from_the_database() -> None:
    """
    Memory that lacks an event is not used until nothing is pending any more.
    """
    backlog = Backlog({"audit": 1})
    backlog.add(events(2))
    assert (ids(backlog), ids(backlog, "bus")) == (None, ["2"])
    backlog.remove("audit", ["1", "2"], 2)
    assert ids(backlog) == []
    backlog.add(events(3))
    assert ids(backlog) == ["3"]


def test_after_a_failure_the_database_says_what_may_be_sent() -> None:
    """
    Retries, attempts and delays are known to the database alone.
    """
    backlog = Backlog({})
    backlog.add(events(1))
    backlog.forget("audit")
    assert (ids(backlog), ids(backlog, "bus")) == (None, ["1"])


def test_memory_is_bounded() -> None:
    """
    A sink that does not keep up has its events read from the database, whether they are many or large.
    """
    many, large = Backlog({}), Backlog({})
    many.add(events(*range(300)))
    large.add(events(*range(100), body=b"x" * 100_000))
    assert (ids(many), ids(large)) == (None, None)
    assert (many.depth("audit"), large.depth("audit")) == (300, 100)


def test_what_was_dropped_is_no_longer_known() -> None:
    """
    Where only the number of dropped events is known, the database says which are left.
    """
    backlog = Backlog({})
    backlog.add(events(1, 2))
    backlog.lose({"audit": 1, "bus": 0})
    assert (ids(backlog), backlog.depth("audit"), ids(backlog, "bus")) == (None, 1, ["1", "2"])


def test_noted_deliveries_are_not_pending_and_written_once() -> None:
    """
    A sink that keeps up gets no event twice while nobody has written that it has it.
    """
    backlog = Backlog({})
    backlog.add(events(1, 2))
    assert backlog.note("audit", ["1"])
    assert (ids(backlog), ids(backlog, "bus"), backlog.depth("audit")) == (["2"], ["1", "2"], 1)
    assert (backlog.take_noted(), backlog.take_noted()) == ({"audit": ["1"]}, {})


def test_only_what_is_known_here_can_be_noted() -> None:
    """
    The database knows attempts, delays and older events, which a delivery must remove at once.
    """
    backlog = Backlog({"audit": 1})
    backlog.add(events(2))
    assert not backlog.note("audit", ["2"])
    assert not backlog.note("bus", ["1"])
    assert (backlog.depth("audit"), backlog.take_noted()) == (2, {})


def test_deliveries_that_were_not_written_come_before_later_ones() -> None:
    """
    A transaction that failed has recorded none of its deliveries.
    """
    backlog = Backlog({})
    backlog.add(events(1, 2))
    backlog.note("audit", ["1"])
    noted = backlog.take_noted()
    backlog.note("audit", ["2"])
    backlog.return_noted(noted)
    assert backlog.take_noted() == {"audit": ["1", "2"]}


def test_events_that_could_not_be_stored_are_taken_back() -> None:
    """
    They may have been sent in the meantime; then they are no longer counted anyway.
    """
    backlog = Backlog({})
    backlog.add(events(1, 2))
    backlog.note("audit", ["1"])
    backlog.retract(events(1, 2))
    assert (ids(backlog), ids(backlog, "bus")) == ([], [])


def test_a_change_by_another_program_keeps_noted_deliveries() -> None:
    """
    The database still counts them as pending.
    """
    backlog = Backlog({})
    backlog.add(events(1, 2))
    backlog.note("audit", ["1"])
    backlog.reset({"audit": 2, "bus": 2})
    assert (backlog.depth("audit"), backlog.depth("bus"), ids(backlog)) == (1, 2, None)
