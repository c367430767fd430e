"""
How many kills one program may report.
"""

from dataclasses import replace

from collector.correlate.writer_limits import WriterLimits
from collector.facts.observed import Origin
from parsers.cgroup_path import container_of_unit
from parsers.killers import NOBODY_KNOWN, Author, UnitOomdKilled
from sinks.event import EventType
from tests.unit.collector.correlate.scene import Scene, ns

KNOWN = Author(name="systemd", pid=1)
OF_A_USER = Author(name="systemd of user 1000", pid=900, within="/user.slice/x", doubt="A user can forge it.")


def forged(number: int) -> UnitOomdKilled:
    unit = f"docker-{number:064x}.scope"
    text = f"{unit}: systemd-oomd killed 3 process(es) in this unit."
    at_ns = ns(number * 0.7 / 10_000)
    return UnitOomdKilled(unit=unit, container=container_of_unit(unit), at_ns=at_ns, text=text, author=OF_A_USER)


def test_a_forged_flood_is_one_event_of_the_agent() -> None:
    """
    10,000 kills in unknown containers within 0.7 s give ten events, none of them certain, and one about the rest.
    """
    scene = Scene()
    events = scene.feed(*map(forged, range(10_000)), at_s=0.7)
    assert len(events) == 10
    assert {event.exit137.confidence.value for event in events if event.exit137.confidence} == {"possible"}
    (about,) = scene.wait(61)
    assert (about.type, about.exit137.gap and about.exit137.gap.count) == (EventType.AGENT, 9_990)
    assert "systemd of user 1000" in about.message
    assert scene.flush() == []


def test_limit_of_a_writer_is_its_own() -> None:
    """
    A flood of one writer does not keep another from being read.
    """
    limits = WriterLimits()
    assert [limits.admit(OF_A_USER, 1, 1, None) for _ in range(12)] == [True] * 10 + [False] * 2
    assert all(limits.admit(KNOWN, 1, 1, None) for _ in range(6000))
    assert limits.admit(replace(OF_A_USER, name="systemd of user 1001"), 1, 1, None)


def test_next_minute_is_read_again() -> None:
    """
    A minute later the writer is read again, and what was refused before is reported.
    """
    limits = WriterLimits()
    for _ in range(11):
        limits.admit(OF_A_USER, ns(0), 1, None)
    assert limits.admit(OF_A_USER, ns(60), 2, None)
    assert [gap.count for gap in limits.take(2)] == [1]
    assert limits.next_deadline_ns() is None


def test_refused_reports_are_read_again_after_a_crash() -> None:
    """
    The first reading whose report was refused is held until that has been published.
    """
    limits = WriterLimits()
    origins = [Origin(source="journald", ordinal=number) for number in range(12)]
    for origin in origins:
        limits.admit(OF_A_USER, ns(0), ns(0), origin)
    assert list(limits.held()) == [origins[10]]
    limits.take(ns(60))
    assert list(limits.held()) == []


def test_number_of_writers_is_bounded() -> None:
    """
    A writer that is forgotten because there are too many has its refused reports published first.
    """
    limits = WriterLimits()
    for _ in range(11):
        limits.admit(OF_A_USER, 1, 1, None)
    for uid in range(2000, 2300):
        limits.admit(replace(OF_A_USER, name=f"systemd of user {uid}"), 1, 1, None)
    assert [gap.count for gap in limits.take(1)] == [1]


def test_a_text_that_a_person_chose_has_no_limit() -> None:
    """
    A pasted text may report any number of kills.
    """
    limits = WriterLimits()
    assert all(limits.admit(NOBODY_KNOWN, 1, 1, None) for _ in range(20))
    assert all(limits.admit(OF_A_USER, None, 1, None) for _ in range(20))
