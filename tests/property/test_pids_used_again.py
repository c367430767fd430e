"""
Kills of a pid that is reused within a tenth of a second, by processes of several containers.

A certain attribution must be right, however late each source is and whatever the trace and the connector have lost.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from collector.facts.observed import Fact, GapFact
from sinks.event import Confidence, EventType, GapKind
from tests.unit.collector.correlate.scene import A, B, C, Scene, exited, killed, line, marked, ns

PID = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """
    One process that had the pid.

    Attributes:
        home: its container.
        lived_s: from its start to the kill.
        dying_s: from the kill to its end.
        gap_s: from its end to the next start.
        looked_up: whether /proc still had its container when the trace was read; None if the trace lost the event.
        end_seen: whether the connector reported its end.
    """

    home: str
    lived_s: float
    dying_s: float
    gap_s: float
    looked_up: bool | None
    end_seen: bool


def lives(*, complete: bool) -> st.SearchStrategy[list[Life]]:
    """
    Generate processes that have the pid one after the other.

    Args:
        complete: whether the connector reports every end.
    """
    return st.lists(
        st.builds(
            Life,
            home=st.sampled_from([A, B, C]),
            lived_s=st.floats(0.001, 0.5),
            dying_s=st.floats(0.001, 0.3),
            gap_s=st.floats(0.1, 0.5),
            looked_up=st.sampled_from([True, False, None]),
            end_seen=st.just(True) if complete else st.booleans(),
        ),
        min_size=1,
        max_size=5,
    )


def facts_by_source(past: list[Life]) -> tuple[dict[float, str], list[deque[Fact]]]:
    """
    Return the true container of each kill by its time, and the facts of log, trace and connector.
    """
    truth: dict[float, str] = {}
    log: deque[Fact] = deque()
    trace: deque[Fact] = deque()
    connector: deque[Fact] = deque()
    at_s = 0.1
    for life in past:
        started_s = at_s
        kill_s = started_s + life.lived_s
        truth[kill_s] = life.home
        log.append(line(killed(PID), kill_s))
        if life.looked_up is not None:
            trace.append(marked(PID, life.home if life.looked_up else None, kill_s - 0.0001))
        if life.end_seen:
            connector.append(exited(PID, life.home, kill_s + life.dying_s, started_s=started_s, signal=9))
        at_s = kill_s + life.dying_s + life.gap_s
    return truth, [log, trace, connector]


def interleaved(sources: list[deque[Fact]], data: st.DataObject) -> Iterator[Fact]:
    """
    Yield the facts with any delay, those of each source in their order.
    """
    while any(sources):
        yield data.draw(st.sampled_from([source for source in sources if source])).popleft()


def attributed(past: list[Life], data: st.DataObject) -> list[tuple[str, str | None, Confidence | None]]:
    """
    Return the true container, the published container and the confidence of each kill.
    """
    truth, sources = facts_by_source(past)
    at = {ns(at_s) // 1000: home for at_s, home in truth.items()}
    scene = Scene()
    scene.feed(GapFact(source="processes", what=GapKind.SOURCE_UP, at_ns=ns(0), text="processes is up"))
    events = [event for fact in interleaved(sources, data) for event in scene.feed(fact, at_s=4)]
    kills = [event for event in events + scene.flush() if event.type is EventType.OOM_KILL]
    return [
        (at[event.time_ns // 1000], event.exit137.oom.victims[0].container_id, event.exit137.confidence)
        for event in kills
        if event.exit137.oom is not None
    ]


@given(lives(complete=False), st.data())
def test_a_certain_attribution_is_right(past: list[Life], data: st.DataObject) -> None:
    """
    Every kill is published once, and its container is the right one if it is certain.
    """
    kills = attributed(past, data)
    assert len(kills) == len(past)
    for home, container_id, confidence in kills:
        assert confidence is not Confidence.CERTAIN or container_id == home


@given(lives(complete=True), st.data())
def test_with_all_ends_every_kill_is_attributed(past: list[Life], data: st.DataObject) -> None:
    """
    The ends are enough, whatever the trace reports or loses.
    """
    kills = attributed(past, data)
    assert len(kills) == len(past)
    assert all(container_id == home for home, container_id, _ in kills)
