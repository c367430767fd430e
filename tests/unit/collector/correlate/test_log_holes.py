"""
Records of the kernel log that were overwritten: one event, with what the counters make of it.
"""

from dataclasses import replace

from collector.facts.observed import GapFact, OomCountedFact, Origin
from sinks.event import Event, GapKind
from tests.unit.collector.correlate.scene import A, Scene, ns, report

COMPARED_S = 5.0
HOLE = GapFact(
    source="kmsg",
    what=GapKind.RECORDS_LOST,
    at_ns=ns(10),
    from_ns=ns(8),
    to_ns=ns(10),
    count=80,
    text="80 records are lost.",
)


def count(kills: int, container_id: str | None = None, to_s: float = 15) -> OomCountedFact:
    return OomCountedFact(container_id=container_id, count=kills, from_ns=ns(5), read_ns=ns(to_s), to_ns=ns(to_s))


def counting() -> Scene:
    scene = Scene()
    scene.feed(GapFact(source="cgroups", what=GapKind.SOURCE_UP, at_ns=ns(0), text="up"))
    return scene


def gaps(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.exit137.gap.what, event.message) for event in events if event.exit137.gap is not None]


def test_a_hole_is_published_when_the_counters_were_compared() -> None:
    """
    The kernel counted nothing: no kill is missing.
    """
    scene = counting()
    assert scene.feed(HOLE, at_s=10) == []
    events = scene.feed(count(0), at_s=15) + scene.wait(COMPARED_S)
    assert gaps(events) == [("records_lost", "80 records are lost; no OOM kill is missing.")]


def test_a_hole_accounts_for_the_kills_that_were_counted_in_its_time() -> None:
    """
    They are no discrepancy of their own: one event says what was lost.
    """
    scene = counting()
    scene.feed(HOLE, at_s=10)
    events = scene.feed(count(2, A), count(2), at_s=15) + scene.wait(COMPARED_S)
    ((what, text),) = gaps(events)
    assert what == "records_lost"
    assert text.endswith("the kernel counted 2 OOM kills that no log describes.")


def test_each_hole_states_the_kills_that_it_may_have_swallowed() -> None:
    """
    Both kernel logs have a hole at the time of a counted kill; a hole that is far from it states none.
    """
    scene = counting()
    scene.feed(replace(HOLE, at_ns=ns(2), from_ns=ns(1), to_ns=ns(2)), HOLE, replace(HOLE, source="journald"), at_s=10)
    events = scene.feed(count(1), at_s=15) + scene.wait(COMPARED_S)
    assert ["no OOM kill is missing" in text for _, text in gaps(events)] == [True, False, False]


def test_without_counters_a_hole_is_published_at_once() -> None:
    """
    Nothing will say more about it.
    """
    assert gaps(Scene().feed(HOLE, at_s=10)) == [("records_lost", "80 records are lost.")]


def test_the_reading_of_a_hole_is_held() -> None:
    """
    An agent that dies before it has published the hole reads it again.
    """
    scene = counting()
    scene.feed(HOLE, at_s=10, origin=Origin(source="kmsg", ordinal=7))
    assert scene.analyzer.held() == {"kmsg": 7}
    scene.feed(count(0), at_s=15)
    scene.wait(COMPARED_S)
    assert scene.analyzer.held() == {}


def test_a_line_that_comes_after_its_count_was_published_supersedes_that() -> None:
    """
    The journal was a minute late: consumers see which event the new one replaces.
    """
    scene = counting()
    scene.run(A)
    events = scene.feed(count(1, A), count(1), at_s=15) + scene.wait(COMPARED_S)
    (counted,) = (event for event in events if event.exit137.oom is not None)
    late = scene.feed(*report(77, A, at_s=12), at_s=90) + scene.wait(3)
    (kill,) = (event for event in late if event.exit137.oom is not None)
    assert counted.exit137.supersedes is None
    assert kill.exit137.supersedes == counted.id
