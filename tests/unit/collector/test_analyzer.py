"""
Facts in, events out: the rules that concern all kinds of facts.
"""

from collections.abc import Iterable

from collector.facts.observed import DockerDaemonFact, Fact, GapFact, Origin
from parsers.docker_event import DockerAction
from sinks.event import Confidence, Event, GapKind, to_json
from tests.unit.collector.correlate.scene import (
    JOURNALD,
    MAIN_PID,
    A,
    B,
    Scene,
    by_systemd,
    docker,
    ended,
    exited,
    killed,
    line,
    ns,
    report,
    running,
)


def gap(source: str, what: GapKind, at_s: float = 1.0) -> GapFact:
    return GapFact(source=source, what=what, at_ns=ns(at_s), text=f"{source}: {what}")


def story() -> Iterable[tuple[float, Fact]]:
    """
    Two containers, one killed for its memory, one stopped; and a kill that names nobody.
    """
    yield 0, gap("kmsg", GapKind.SOURCE_UP)
    yield 0, docker(DockerAction.START, 0.02, A)
    yield 0.1, running(A, 0)
    yield 0.2, docker(DockerAction.START, 0.2, B)
    yield 0.3, running(B, 0.18, pid=5000)
    yield from ((5, fact) for fact in report(MAIN_PID, A, at_s=5))
    yield from ((5, fact) for fact in report(MAIN_PID, A, at_s=5, source=JOURNALD))
    yield 5.02, by_systemd(A, 5.02)
    yield 5.1, docker(DockerAction.OOM, 5.1, A)
    yield 5.1, docker(DockerAction.DIE, 5.1, A, exit_code=137)
    yield 5.2, ended(A, finished_s=5.09, exit_code=137)
    yield 6, line(killed(7777), 6)
    yield 7, DockerDaemonFact(up=False, at_ns=ns(7), text="gone")
    yield 8, DockerDaemonFact(up=True, at_ns=ns(8), text="back")
    yield 100, docker(DockerAction.KILL, 100, B, signal=15)
    yield 101, exited(5000, B, 101, code=0)
    yield 101, docker(DockerAction.DIE, 101, B, exit_code=0)
    yield 101.1, docker(DockerAction.STOP, 101.1, B)
    yield 104, gap("kmsg", GapKind.RECORDS_LOST, 104)


def published(scene: Scene) -> list[Event]:
    events: list[Event] = []
    for at_s, fact in story():
        events += scene.wait(max(at_s - scene.now_s, 0))
        events += scene.feed(fact)
    return events + scene.flush()


def test_the_same_facts_give_the_same_bytes() -> None:
    """
    Ids, sentences and order are the same, so that a replay can be compared with what was sent.
    """
    first, second = published(Scene()), published(Scene())
    assert [to_json(event) for event in first] == [to_json(event) for event in second]
    assert [event.type.removeprefix("exit137.") for event in first] == [
        "oom_kill",
        "container_death",
        "oom_kill",
        "container_death",
        "agent",
    ]


def test_more_ticks_change_nothing_but_the_order() -> None:
    """
    Ticks between the facts publish events earlier, not other events.
    """
    calm, restless = Scene(), Scene()
    events: list[Event] = []
    for at_s, fact in story():
        while restless.now_s + 0.5 < at_s:
            events += restless.wait(0.5)
        events += restless.wait(max(at_s - restless.now_s, 0))
        events += restless.feed(fact)
    events += restless.flush()
    assert sorted(map(to_json, events)) == sorted(map(to_json, published(calm)))


def test_a_source_that_comes_up_is_published_only_after_it_was_down() -> None:
    """
    The start of the agent is not an event; a source that came back is.
    """
    scene = Scene()
    assert scene.feed(gap("kmsg", GapKind.SOURCE_UP)) == []
    assert len(scene.feed(gap("kmsg", GapKind.SOURCE_DOWN))) == 1
    assert len(scene.feed(gap("kmsg", GapKind.SOURCE_UP, 2))) == 1
    assert scene.feed(gap("kmsg", GapKind.SOURCE_UP, 3)) == []


def test_lost_evidence_is_an_event_each_time() -> None:
    """
    Nothing is lost silently.
    """
    scene = Scene()
    first = scene.feed(gap("kmsg", GapKind.RECORDS_LOST, 1))
    second = scene.feed(gap("kmsg", GapKind.RECORDS_LOST, 2))
    assert len({event.id for event in first + second}) == 2


def test_dockers_notice_weighs_more_where_no_kernel_log_can_be_read() -> None:
    """
    One readable kernel log is enough to doubt a notice that it does not confirm.
    """

    def confidence(*sources_down: str) -> Confidence:
        scene = Scene()
        scene.feed(gap("kmsg", GapKind.SOURCE_UP), gap("journald", GapKind.SOURCE_UP))
        scene.feed(*(gap(source, GapKind.SOURCE_DOWN) for source in sources_down))
        scene.run(A)
        scene.feed(docker(DockerAction.OOM, 10, A), docker(DockerAction.DIE, 10, A, exit_code=137), at_s=10)
        (death,) = (event for event in scene.wait(2) if event.exit137.death is not None)
        return death.exit137.confidence

    assert confidence() is Confidence.POSSIBLE
    assert confidence("kmsg") is Confidence.POSSIBLE
    assert confidence("kmsg", "journald") is Confidence.LIKELY


def test_the_oldest_reading_of_each_source_is_held() -> None:
    """
    A position never passes a fact that is still in memory.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(line(killed(10), 1), at_s=1, origin=Origin(source="kmsg", ordinal=5))
    scene.feed(line(killed(11), 1.1), at_s=1.1, origin=Origin(source="kmsg", ordinal=6))
    scene.feed(docker(DockerAction.DIE, 1.2, A, exit_code=1), at_s=1.2, origin=Origin(source="docker", ordinal=9))
    assert scene.analyzer.held() == {"kmsg": 5, "docker": 9}
    scene.flush()
    assert scene.analyzer.held() == {}


def test_nothing_is_due_where_nothing_happened() -> None:
    """
    The agent sleeps until a fact comes.
    """
    scene = Scene()
    scene.run(A)
    assert scene.analyzer.next_deadline_ns() is None
