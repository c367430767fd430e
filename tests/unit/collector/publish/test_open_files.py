"""
How many files the main process of a failed container had open.
"""

from collector.facts.observed import LogTailFact
from collector.facts.stops import OpenFilesFact
from sinks.event import Event, EventType
from tests.unit.collector.correlate.scene import DIE, MAIN_PID, VERDICT_WAIT_S, A, Scene, docker, ended, ns

LAST_LINE = "accept: Too many open files"


def death_with(*lines: str, looked_at_s: float = 9.0) -> Event:
    """
    Return the death of a container at 10 s whose open files were looked at before.
    """
    scene = Scene()
    scene.run(A, 5)
    fact = OpenFilesFact(container_id=A, at_ns=ns(looked_at_s), pid=MAIN_PID, open_files=1021, open_files_max=1024)
    scene.feed(fact, at_s=looked_at_s)
    facts = (
        docker(DIE, 10, exit_code=1),
        ended(started_s=5, finished_s=10, exit_code=1),
        LogTailFact(container_id=A, die_event_ns=ns(10), lines=lines),
    )
    events = scene.feed(*facts, at_s=10) + scene.wait(VERDICT_WAIT_S + 1)
    (death,) = [event for event in events if event.type is EventType.CONTAINER_DEATH]
    return death


def test_the_advice_has_the_figures() -> None:
    """
    The words of the log are the program's own; the figures are the kernel's.
    """
    (advice,) = death_with(LAST_LINE).exit137.advice
    assert advice.kind == "files"
    assert "1 s before its end the main process had 1021 of 1024 files open" in advice.reason


def test_a_look_at_an_earlier_run_counts_for_nothing() -> None:
    """
    The process of that run is another one.
    """
    (advice,) = death_with(LAST_LINE, looked_at_s=4).exit137.advice
    assert "1021" not in advice.reason


def test_without_such_words_there_is_no_advice() -> None:
    """
    Many open files alone are no reason for a failure.
    """
    assert death_with("all is well").exit137.advice == ()
