"""
How a run ended: the wait status of its main process decides where Docker does not know.
"""

from dataclasses import replace

import pytest

from sinks.event import Cause, Confidence, Event, EvidenceSource
from tests.unit.collector.correlate.scene import (
    DESTROY,
    DIE,
    MAIN_PID,
    START,
    VERDICT_WAIT_S,
    A,
    Scene,
    death,
    docker,
    ended,
    exited,
    killed,
    line,
    oom,
    report,
    started,
)

LOST_TASK = 255


def judged(events: list[Event]) -> tuple[Cause | None, Confidence | None, int | None]:
    """
    What a death's event says of how it ended.
    """
    return events[0].exit137.cause, events[0].exit137.confidence, death(events).exit_code


def test_the_wait_status_decides_where_docker_lost_the_exit_code() -> None:
    """
    Docker 20.10 now and then reports 255 for a container that ended with 0; the event states both.
    """
    scene = started()
    scene.feed(exited(MAIN_PID, A, 10, code=0), docker(DIE, 10.01, exit_code=LOST_TASK), at_s=10.01)
    events = [
        *scene.feed(ended(finished_s=10.01, exit_code=LOST_TASK), at_s=10.1),
        *scene.wait(VERDICT_WAIT_S),
    ]
    assert judged(events) == (Cause.EXIT, Confidence.LIKELY, 0)
    texts = {item.source: item.text for item in events[0].exit137.evidence}
    assert texts[EvidenceSource.DOCKER] == "die exitCode=255"
    assert texts[EvidenceSource.PROCESS] == f"pid {MAIN_PID} ended: wait status exit code 0"


def test_a_kill_of_a_run_whose_exit_code_docker_lost_states_both() -> None:
    """
    The verdict is that of the kernel's line; the wait status of SIGKILL is evidence beside Docker's code.
    """
    scene = started()
    scene.feed(*report(MAIN_PID, A, 9.9), exited(MAIN_PID, A, 9.91, signal=9), at_s=9.95)
    scene.wait(0.01)
    scene.feed(docker(DIE, 10, exit_code=LOST_TASK), at_s=10)
    events = scene.feed(ended(finished_s=10, exit_code=LOST_TASK), at_s=10.1)
    assert judged(events) == (Cause.OOM_KILL, Confidence.CERTAIN, 137)
    assert EvidenceSource.PROCESS in [item.source for item in events[0].exit137.evidence]


def test_a_short_life_is_judged_by_the_only_first_process() -> None:
    """
    Docker was not asked for its pid in time; nobody in the container had started the process.
    """
    scene = Scene()
    first = replace(exited(50, A, 0.05, started_s=0, code=0), ancestors=())
    helper = replace(exited(49, A, 0.01, started_s=0, code=0), ancestors=(), comm="runc:[1:CHILD]")
    scene.feed(docker(START, 0), helper, first)
    events = scene.feed(docker(DIE, 0.06, exit_code=LOST_TASK), docker(DESTROY, 0.1), at_s=0.1)
    assert judged(events) == (Cause.EXIT, Confidence.LIKELY, 0)


@pytest.mark.parametrize(("namespace_pid", "code"), [(1, 0), (7, LOST_TASK), (None, LOST_TASK)])
def test_a_late_stamp_of_docker_hides_no_first_process(namespace_pid: int | None, code: int) -> None:
    """
    A starved Docker stamps an end a minute late; only pid 1 of the container is sure to be its first process then.
    """
    scene = Scene()
    scene.feed(docker(START, 0), replace(exited(50, A, 20, code=0), ancestors=(), namespace_pid=namespace_pid))
    events = scene.feed(docker(DIE, 80, exit_code=LOST_TASK), docker(DESTROY, 80.1), at_s=80.1)
    assert judged([*events, *scene.wait(VERDICT_WAIT_S)])[2] == code


def test_two_first_processes_leave_the_exit_code_with_docker() -> None:
    """
    One of them was started by `docker exec`.
    """
    scene = Scene()
    ends = (replace(exited(pid, A, 0.05, code=0), ancestors=()) for pid in (50, 51))
    scene.feed(docker(START, 0), *ends)
    scene.feed(docker(DIE, 0.06, exit_code=LOST_TASK), docker(DESTROY, 0.1), at_s=0.1)
    assert judged(scene.wait(VERDICT_WAIT_S)) == (Cause.APP_ERROR, Confidence.LIKELY, LOST_TASK)


@pytest.mark.parametrize(("code", "confidence"), [(LOST_TASK, Confidence.LIKELY), (7, Confidence.CERTAIN)])
def test_the_code_of_a_lost_task_is_not_certain_without_a_wait_status(code: int, confidence: Confidence) -> None:
    """
    Docker also reports 255 where it does not know how a task ended.
    """
    scene = started()
    scene.feed(docker(DIE, 10, exit_code=code), ended(finished_s=10, exit_code=code), at_s=10)
    assert judged(scene.wait(VERDICT_WAIT_S)) == (Cause.APP_ERROR, confidence, code)


def test_a_program_that_returned_255_is_certain_by_its_wait_status() -> None:
    """
    The kernel and Docker agree.
    """
    scene = started()
    scene.feed(exited(MAIN_PID, A, 10, code=LOST_TASK), docker(DIE, 10, exit_code=LOST_TASK), at_s=10)
    scene.feed(ended(finished_s=10, exit_code=LOST_TASK))
    assert judged(scene.wait(VERDICT_WAIT_S)) == (Cause.APP_ERROR, Confidence.CERTAIN, LOST_TASK)


def test_a_code_that_docker_knows_stands() -> None:
    """
    The first process of a sandboxed runtime may end otherwise than the container.
    """
    scene = started()
    scene.feed(exited(MAIN_PID, A, 10, code=0), docker(DIE, 10, exit_code=3), at_s=10)
    scene.feed(ended(finished_s=10, exit_code=3))
    assert judged(scene.wait(VERDICT_WAIT_S)) == (Cause.APP_ERROR, Confidence.CERTAIN, 3)


def test_a_wait_status_replaces_an_exit_code_that_a_label_forged() -> None:
    """
    With `--rm` Docker cannot be asked for the true code.
    """
    scene = Scene()
    scene.run(A, labels={"exitCode": "0"}, auto_remove=True)
    scene.feed(exited(MAIN_PID, A, 10, code=7), docker(DIE, 10, exit_code=0), docker(DESTROY, 10.1), at_s=10.1)
    assert judged(scene.wait(VERDICT_WAIT_S)) == (Cause.APP_ERROR, Confidence.CERTAIN, 7)


def test_a_kill_of_the_process_whose_end_was_the_runs_is_of_the_main_process() -> None:
    """
    The kernel printed no table, and Docker was not asked for the pid in time.
    """
    scene = Scene()
    scene.feed(docker(START, 0.1), line(killed(50), 0.05), replace(exited(50, A, 0.06, signal=9), ancestors=()))
    scene.wait(0.01)
    events = scene.feed(docker(DIE, 0.2, exit_code=137), docker(DESTROY, 0.3), at_s=0.3)
    assert judged(events) == (Cause.OOM_KILL, Confidence.LIKELY, 137)
    assert [victim.main_process for victim in oom(events[0]).victims] == [True]
