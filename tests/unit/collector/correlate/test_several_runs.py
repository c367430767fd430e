"""
A container that runs again: what is said of one run says nothing of another.
"""

from sinks.event import Cause, Event
from tests.unit.collector.correlate.scene import (
    CREATE,
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
    ns,
    report,
    running,
    started,
)


def test_each_run_of_a_restart_loop_is_judged_by_itself() -> None:
    """
    A restart policy begins the next run within 100 ms; the kill of the first run explains nothing of the second.
    """
    scene = started()
    scene.feed(*report(MAIN_PID, A, at_s=9.9), docker(DIE, 10, exit_code=137), at_s=10)
    scene.feed(docker(START, 10.15), running(started_s=10.13, pid=5000), at_s=10.15)
    first = scene.wait(VERDICT_WAIT_S)
    scene.feed(docker(DIE, 20, exit_code=1), ended(started_s=10.13, finished_s=20, exit_code=1), at_s=20)
    second = scene.wait(VERDICT_WAIT_S)
    assert causes(first + second) == [Cause.OOM_KILL, Cause.APP_ERROR]
    assert len({event.id for event in first + second}) == 3


def test_an_inspection_of_the_next_run_says_nothing_of_the_last() -> None:
    """
    It shows exit code 0 and the next start.
    """
    scene = started()
    scene.feed(docker(DIE, 10, exit_code=42), running(started_s=10.13, pid=5000, exit_code=0), at_s=10.2)
    assert death(scene.wait(VERDICT_WAIT_S)).exit_code == 42


def test_an_inspection_of_the_last_run_says_nothing_of_the_next() -> None:
    """
    It was made between the two, and its answer came when the next run had begun.
    """
    scene = Scene()
    scene.feed(docker(START, 0.02), docker(DIE, 0.05, exit_code=1), docker(START, 0.2), at_s=0.2)
    scene.feed(ended(finished_s=0.04, exit_code=1), at_s=0.3)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.APP_ERROR]
    scene.feed(docker(DIE, 60, exit_code=0), at_s=60)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.EXIT]


def test_a_second_die_of_the_same_run_is_not_published() -> None:
    """
    A shim that was restarted reports the exit of its task again.
    """
    scene = started()
    scene.feed(docker(DIE, 10, exit_code=1), docker(DIE, 10.4, exit_code=255), at_s=10.4)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.APP_ERROR]


def test_an_inspection_that_comes_late_does_not_bring_an_old_run_back() -> None:
    """
    A container is restarted faster than Docker answers: the answer shows a run that was published and forgotten.
    """
    scene = started()
    events: list[Event] = []
    for at_s in range(1, 13, 2):
        events += scene.feed(docker(DIE, at_s, exit_code=1), docker(START, at_s + 0.5), at_s=at_s)
    events += scene.feed(running(A), at_s=13)
    assert len(causes(events + scene.wait(VERDICT_WAIT_S))) == 6


def test_runs_that_are_reported_at_once_keep_their_kills() -> None:
    """
    A starved engine reports six runs of a container in a restart loop in one second: none is forgotten unjudged.
    """
    scene = started()
    for number in range(6):
        scene.feed(*report(MAIN_PID + number, A, at_s=10 + number), at_s=10 + number)
    for number in range(6):
        start_s = 10.5 + number
        scene.feed(docker(DIE, start_s - 0.4, exit_code=137), docker(START, start_s), at_s=20)
        scene.feed(running(started_s=start_s, pid=MAIN_PID + number + 1), at_s=20)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.OOM_KILL] * 6


def test_the_victim_after_the_main_process_is_not_called_a_child() -> None:
    """
    A starved engine has not reported the next run yet: its main process may be the next victim.
    """
    scene = started()
    first = scene.feed(*report(MAIN_PID, A, at_s=10), at_s=10)
    second = scene.wait(1) + scene.feed(*report(5000, A, at_s=10.3), at_s=10.4) + scene.wait(0.1)
    victims = [event.exit137.oom.victims[0] for event in first + second if event.exit137.oom is not None]
    assert [(victim.pid, victim.main_process) for victim in victims] == [(MAIN_PID, True), (5000, None)]


def test_a_start_that_docker_reports_minutes_late_begins_no_other_run() -> None:
    """
    On a starved host an inspection shows a run minutes before Docker reports its start, and Docker reports its end a
    minute late.
    """
    scene = Scene()
    events = scene.feed(docker(CREATE, 0), running(started_s=5), at_s=30)
    events += scene.feed(docker(START, 228), at_s=228)
    events += scene.feed(docker(DIE, 330, exit_code=0), ended(started_s=5, finished_s=250, exit_code=0), at_s=330)
    assert causes(events + scene.wait(VERDICT_WAIT_S)) == [Cause.EXIT]


def test_nothing_is_killed_before_its_run_begins() -> None:
    """
    Docker 20.10 stamps a start up to 5 s late on a starved host: a child may be killed before.
    """
    scene = Scene()
    scene.feed(docker(CREATE, 0), *report(MAIN_PID + 1, A, at_s=5), at_s=6)
    scene.wait(1)
    scene.feed(docker(START, 11), running(started_s=10), at_s=11)
    events = scene.feed(docker(DIE, 20, exit_code=0), ended(started_s=10, finished_s=20, exit_code=0), at_s=20)
    assert death(events + scene.wait(VERDICT_WAIT_S)).started_at_ns == ns(5)


def test_an_answer_about_the_run_before_does_not_end_the_present_run() -> None:
    """
    A starved engine answers late: the agent came while the container ran, and has seen it end and start again since.
    """
    scene = Scene()
    events = scene.feed(docker(DIE, 100, exit_code=0), docker(START, 100.2), running(started_s=5), at_s=101)
    events += scene.wait(VERDICT_WAIT_S)
    assert causes(events) == [Cause.EXIT]
    events = scene.feed(docker(DIE, 200, exit_code=3), ended(started_s=100.15, finished_s=200, exit_code=3), at_s=200)
    assert causes(events + scene.wait(VERDICT_WAIT_S)) == [Cause.APP_ERROR]
