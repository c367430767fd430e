"""
A container that runs again: what is said of one run says nothing of another.
"""

from sinks.event import Cause, Event
from tests.unit.collector.correlate.scene import (
    DIE,
    MAIN_PID,
    START,
    VERDICT_WAIT_S,
    A,
    Scene,
    causes,
    death,
    docker,
    ended,
    report,
    running,
    started,
)


def test_each_run_of_a_restart_loop_is_judged_by_itself() -> None:
    """
    A restart policy begins the next run within 100 ms; the kill of the first run explains nothing of the second.
    """
    scene = started()
    scene.tell(*report(MAIN_PID, A, at_s=9.9), docker(DIE, 10, exit_code=137), at_s=10)
    scene.tell(docker(START, 10.15), running(started_s=10.13, pid=5000), at_s=10.15)
    first = scene.wait(VERDICT_WAIT_S)
    scene.tell(docker(DIE, 20, exit_code=1), ended(started_s=10.13, finished_s=20, exit_code=1), at_s=20)
    second = scene.wait(VERDICT_WAIT_S)
    assert causes(first + second) == [Cause.OOM_KILL, Cause.APP_ERROR]
    assert len({event.id for event in first + second}) == 3


def test_an_inspection_of_the_next_run_says_nothing_of_the_last() -> None:
    """
    It shows exit code 0 and the next start.
    """
    scene = started()
    scene.tell(docker(DIE, 10, exit_code=42), running(started_s=10.13, pid=5000, exit_code=0), at_s=10.2)
    assert death(scene.wait(VERDICT_WAIT_S)).exit_code == 42


def test_an_inspection_of_the_last_run_says_nothing_of_the_next() -> None:
    """
    It was made between the two, and its answer came when the next run had begun.
    """
    scene = Scene()
    scene.tell(docker(START, 0.02), docker(DIE, 0.05, exit_code=1), docker(START, 0.2), at_s=0.2)
    scene.tell(ended(finished_s=0.04, exit_code=1), at_s=0.3)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.APP_ERROR]
    scene.tell(docker(DIE, 60, exit_code=0), at_s=60)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.EXIT]


def test_a_second_die_of_the_same_run_is_not_told() -> None:
    """
    A shim that was restarted reports the exit of its task again.
    """
    scene = started()
    scene.tell(docker(DIE, 10, exit_code=1), docker(DIE, 10.4, exit_code=255), at_s=10.4)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.APP_ERROR]


def test_an_inspection_that_comes_late_does_not_bring_an_old_run_back() -> None:
    """
    A container is restarted faster than Docker answers: the answer shows a run that is told and forgotten.
    """
    scene = started()
    told: list[Event] = []
    for at_s in range(1, 13, 2):
        told += scene.tell(docker(DIE, at_s, exit_code=1), docker(START, at_s + 0.5), at_s=at_s)
    told += scene.tell(running(A), at_s=13)
    assert len(causes(told + scene.wait(VERDICT_WAIT_S))) == 6
