"""
When the verdict of an ended run is tried again: after each fact that concerns it, and after no other.
"""

import pytest

from collector.correlate import pending_deaths
from collector.correlate.verdict import Case, Verdict, decide
from collector.correlate.verdict.case import signal_number
from collector.facts.observed import GapFact
from collector.facts.watermark import WatermarkFact
from parsers.docker_event import DockerAction
from sinks.event import Cause, GapKind
from tests.unit.collector.correlate.scene import (
    DIE,
    JOURNALD,
    MAIN_PID,
    START,
    VERDICT_WAIT_S,
    A,
    B,
    Scene,
    causes,
    docker,
    ended,
    exited,
    line,
    ns,
    report,
    running,
    started,
)

SOURCES = ("kmsg", "journald", "docker")


def pending(exit_code: int) -> Scene:
    """
    A host where container A has ended and its verdict waits for more evidence.
    """
    scene = started()
    scene.feed(docker(DockerAction.DIE, 10, exit_code=exit_code), at_s=10)
    assert causes(scene.feed(ended(finished_s=10, exit_code=exit_code), at_s=10.1)) == []
    return scene


def test_the_exit_of_the_main_process_completes_a_pending_death() -> None:
    """
    The wait status shows that the killed process did not return the exit code itself.
    """
    scene = pending(exit_code=1)
    scene.feed(*report(MAIN_PID, at_s=9.99), at_s=10.2)
    assert causes(scene.wait(0.01)) == []
    assert causes(scene.feed(exited(MAIN_PID, at_s=10, signal=9), at_s=10.3)) == [Cause.OOM_KILL]


def test_a_late_kernel_line_completes_a_pending_death() -> None:
    """
    The kill of the main process explains the end, whatever comes later.
    """
    scene = pending(exit_code=137)
    scene.feed(*report(MAIN_PID, at_s=9.99), at_s=10.2)
    assert causes(scene.wait(0.01)) == [Cause.OOM_KILL]


def test_a_death_waits_for_a_report_that_is_still_open() -> None:
    """
    The log has been read past the end, but the last lines of a kill have just been read: one more may follow.
    """
    scene = started()
    up = GapFact(source="journald", what=GapKind.SOURCE_UP, at_ns=ns(0), text="up")
    scene.feed(up, WatermarkFact(source="journald", read_until_ns=ns(1)))
    scene.feed(docker(DIE, 10, exit_code=0), ended(finished_s=10, exit_code=0), at_s=10.1)
    scene.feed(*report(77, A, 9.9, JOURNALD), WatermarkFact(source="journald", read_until_ns=ns(20)), at_s=20)
    events = scene.wait(0.03)
    kills = [event.id for event in events if event.exit137.oom is not None]
    ends = [event.exit137.death for event in events if event.exit137.death is not None]
    assert [end.oom_kill_ids for end in ends] == [tuple(kills)]


def test_a_death_waits_for_the_report_that_began_as_another_ended() -> None:
    """
    The kernel log is read late and at once: the first line of a report ends the report before it, of another container.
    """
    scene = started()
    scene.feed(docker(START, 1, B), docker(DIE, 4, B, exit_code=0), at_s=4)
    scene.wait(VERDICT_WAIT_S)
    scene.feed(docker(START, 7, B), running(B, started_s=7, pid=5000), at_s=7)
    up = GapFact(source="kmsg", what=GapKind.SOURCE_UP, at_ns=ns(0), text="up")
    scene.feed(up, WatermarkFact(source="kmsg", read_until_ns=ns(1)))
    scene.feed(docker(DIE, 10, B, exit_code=0), ended(B, started_s=7, finished_s=10, exit_code=0), at_s=10.1)
    scene.feed(*report(77, A, 3), *report(5001, B, 9.9), WatermarkFact(source="kmsg", read_until_ns=ns(20)), at_s=20)
    assert [len(death.oom_kill_ids) for event in scene.wait(0.03) if (death := event.exit137.death) is not None] == [1]


def test_facts_that_do_not_concern_a_pending_death_do_not_have_it_judged_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    A busy kernel log and other containers cost nothing while a verdict waits.
    """
    scene = pending(exit_code=137)
    judged: list[str] = []

    def counting(case: Case) -> Verdict:
        judged.append(case.container_id)
        return decide(case)

    monkeypatch.setattr(pending_deaths, "decide", counting)
    for number in range(20):
        scene.feed(line(f"eth{number}: link up", 10.2), exited(5000 + number, B, at_s=10.2, code=1), at_s=10.2)
    assert judged == []
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.SIGNAL]
    assert len(judged) == 1


def watched(exit_code: int) -> Scene:
    """
    A host whose sources state how far they have been read; container A has ended there, at 10 s.
    """
    scene = started()
    scene.feed(*(WatermarkFact(source=source, read_until_ns=ns(1)) for source in SOURCES))
    scene.feed(exited(MAIN_PID, at_s=10, code=exit_code), docker(DIE, 10.02, exit_code=exit_code), at_s=10.03)
    assert causes(scene.feed(ended(finished_s=10, exit_code=exit_code), at_s=10.04)) == []
    return scene


def read(scene: Scene, until_s: float, *sources: str) -> list[Cause | None]:
    """
    Return why containers died, once sources have been read until then.
    """
    facts = (WatermarkFact(source=source, read_until_ns=ns(until_s)) for source in sources)
    return causes(scene.feed(*facts, at_s=until_s))


def test_a_program_that_failed_is_judged_when_all_sources_have_been_read() -> None:
    """
    The journal half a second past the end: a program that kills may have written its line after it.
    """
    scene = watched(exit_code=1)
    assert read(scene, 10.1, *SOURCES) == []
    assert read(scene, 10.6, "kmsg", "docker") == []
    assert read(scene, 10.6, "journald") == [Cause.APP_ERROR]


def test_the_kill_of_a_child_is_judged_when_all_sources_have_been_read_past_the_end() -> None:
    """
    Nothing that may still come says otherwise.
    """
    scene = watched(exit_code=3)
    scene.feed(*report(77, A, 9.99), at_s=10.05)
    scene.wait(0.01)
    assert read(scene, 10.06, "kmsg", "journald") == []
    assert read(scene, 10.07, "docker") == [Cause.OOM_KILL_CHILD]


def test_a_source_that_states_nothing_has_the_verdict_wait_for_its_deadline() -> None:
    """
    It may still bring something, and is not waited for beyond.
    """
    scene = watched(exit_code=1)
    scene.feed(GapFact(source="trace", what=GapKind.SOURCE_UP, at_ns=ns(0), text="up"))
    assert read(scene, 11.5, *SOURCES) == []
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.APP_ERROR]


def test_a_signal_through_docker_has_the_verdict_wait_for_the_stop() -> None:
    """
    Docker logs `stop` after `die`.
    """
    scene = started()
    scene.feed(*(WatermarkFact(source=source, read_until_ns=ns(1)) for source in SOURCES))
    scene.feed(docker(DockerAction.KILL, 9.9, signal=15), docker(DIE, 10.02, exit_code=1), at_s=10.03)
    scene.feed(ended(finished_s=10, exit_code=1), at_s=10.04)
    assert read(scene, 11.9, *SOURCES) == []
    assert causes(scene.feed(docker(DockerAction.STOP, 10.2), at_s=11.95)) == []
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.DOCKER_STOP]


def test_an_end_and_a_verdict_that_waits_only_for_sources_count_once() -> None:
    """
    Whoever asks the sources asks at once when another has begun to wait.
    """
    scene = watched(exit_code=1)
    assert scene.analyzer.waits_begun == 2
    scene.feed(exited(77, at_s=9.9, code=0), at_s=10.1)
    assert (scene.analyzer.waits_begun, scene.analyzer.wants_watermarks(ns(10.1))) == (2, True)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("SIGQUIT", 3),
        ("quit", 3),
        ("3", 3),
        ("RTMIN", 34),
        (None, 15),
        ("", 15),
        ("SIGNONSENSE", 15),
        ("9" * 5000, 999),
    ],
    ids=["name", "short name", "number", "real time", "none", "empty", "no signal", "absurd number"],
)
def test_docker_keeps_a_stop_signal_in_any_form(name: str | None, number: int) -> None:
    """
    A stop signal that cannot be read counts as SIGTERM.
    """
    assert signal_number(name) == number
