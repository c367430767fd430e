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
