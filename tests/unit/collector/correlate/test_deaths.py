"""
From Docker's events and inspections to ended runs, each judged once.
"""

from typing import Any

import pytest

from collector.correlate.case_file import signal_number
from collector.correlate.deaths import VERDICT_WAIT_NS
from collector.correlate.facts import (
    ContainerGoneFact,
    EngineFact,
    Origin,
    RememberedKillFact,
    RememberedRunFact,
    SnapshotFact,
)
from parsers.docker_event import DockerAction
from sinks.event import Cause, Death, Event, Killer, Scope
from tests.unit.collector.correlate.scene import (
    BOOT_ID,
    MAIN_PID,
    SECOND,
    A,
    Scene,
    docker,
    ended,
    exited,
    ns,
    report,
    running,
    snapshot,
)

WAIT_S = VERDICT_WAIT_NS / SECOND
START, DIE, KILL, STOP, DESTROY = (
    DockerAction.START,
    DockerAction.DIE,
    DockerAction.KILL,
    DockerAction.STOP,
    DockerAction.DESTROY,
)


def causes(events: list[Event]) -> list[Cause | None]:
    return [event.exit137.cause for event in events if event.exit137.death is not None]


def death(events: list[Event]) -> Death:
    (event,) = events
    assert event.exit137.death is not None
    return event.exit137.death


def started() -> Scene:
    scene = Scene()
    scene.run(A)
    return scene


def test_an_end_is_judged_when_late_evidence_has_had_its_time() -> None:
    """
    Docker's `stop` and `oom` come after `die`: the verdict waits for them, and no longer than stated.
    """
    scene = started()
    scene.tell(docker(KILL, 9, signal=15), docker(DIE, 10, exit_code=143), at_s=10)
    assert scene.correlator.next_deadline_ns() == ns(10 + WAIT_S)
    assert scene.tell(ended(finished_s=10, exit_code=143), docker(STOP, 10.2), at_s=10.2) == []
    assert causes(scene.wait(WAIT_S)) == [Cause.DOCKER_STOP]
    assert scene.wait(60) == []


def test_an_end_that_nothing_can_change_is_told_at_once() -> None:
    """
    As soon as inspect has confirmed it.
    """
    scene = started()
    assert scene.tell(docker(DIE, 10, exit_code=0), at_s=10) == []
    assert causes(scene.tell(ended(finished_s=10, exit_code=0), at_s=10.1)) == [Cause.EXIT]


def test_a_kill_that_was_told_explains_the_end() -> None:
    """
    The death names the events of the kills in its run.
    """
    scene = started()
    scene.tell(*report(MAIN_PID, A, at_s=9.9), at_s=9.9)
    (kill,) = scene.wait(0.01)
    scene.tell(docker(DIE, 10, exit_code=137), at_s=10)
    events = scene.tell(ended(finished_s=10, exit_code=137), at_s=10.1)
    assert causes(events) == [Cause.OOM_KILL]
    assert death(events).oom_kill_ids == (kill.id,)


def test_a_kill_that_the_kernel_log_brings_late_still_counts() -> None:
    """
    Docker may be faster than the journal.
    """
    scene = started()
    scene.tell(docker(DIE, 10, exit_code=137), ended(finished_s=10, exit_code=137), at_s=10)
    scene.tell(*report(MAIN_PID, A, at_s=9.9), at_s=10.5)
    assert causes(scene.wait(0.01)) == [Cause.OOM_KILL]


def test_each_run_of_a_restart_loop_is_judged_by_itself() -> None:
    """
    A restart policy begins the next run within 100 ms; the kill of the first run explains nothing of the second.
    """
    scene = started()
    scene.tell(*report(MAIN_PID, A, at_s=9.9), docker(DIE, 10, exit_code=137), at_s=10)
    scene.tell(docker(START, 10.15), running(started_s=10.13, pid=5000), at_s=10.15)
    first = scene.wait(WAIT_S)
    scene.tell(docker(DIE, 20, exit_code=1), ended(started_s=10.13, finished_s=20, exit_code=1), at_s=20)
    second = scene.wait(WAIT_S)
    assert causes(first + second) == [Cause.OOM_KILL, Cause.APP_ERROR]
    assert len({event.id for event in first + second}) == 3


def test_an_inspection_of_the_next_run_says_nothing_of_the_last() -> None:
    """
    It shows exit code 0 and the next start.
    """
    scene = started()
    scene.tell(docker(DIE, 10, exit_code=42), running(started_s=10.13, pid=5000, exit_code=0), at_s=10.2)
    assert death(scene.wait(WAIT_S)).exit_code == 42


def test_an_inspection_of_the_last_run_says_nothing_of_the_next() -> None:
    """
    It was made between the two, and its answer came when the next run had begun.
    """
    scene = Scene()
    scene.tell(docker(START, 0.02), docker(DIE, 0.05, exit_code=1), docker(START, 0.2), at_s=0.2)
    scene.tell(ended(finished_s=0.04, exit_code=1), at_s=0.3)
    assert causes(scene.wait(WAIT_S)) == [Cause.APP_ERROR]
    scene.tell(docker(DIE, 60, exit_code=0), at_s=60)
    assert causes(scene.wait(WAIT_S)) == [Cause.EXIT]


def test_a_second_die_of_the_same_run_is_not_told() -> None:
    """
    A shim that was restarted reports the exit of its task again.
    """
    scene = started()
    scene.tell(docker(DIE, 10, exit_code=1), docker(DIE, 10.4, exit_code=255), at_s=10.4)
    assert causes(scene.wait(WAIT_S)) == [Cause.APP_ERROR]


def test_an_exit_code_that_a_label_forged_is_not_believed() -> None:
    """
    Docker copies labels over the event's own attributes; inspect tells the labels, and later the code.
    """
    scene = Scene()
    scene.run(A, labels={"exitCode": "0"})
    scene.tell(docker(DIE, 10, exit_code=0), at_s=10)
    scene.tell(ended(finished_s=10, exit_code=1, labels={"exitCode": "0"}), at_s=10.1)
    events = scene.wait(WAIT_S)
    assert (causes(events), death(events).exit_code) == ([Cause.APP_ERROR], 1)


def test_a_forged_exit_code_that_nobody_can_correct_is_unknown() -> None:
    """
    With `--rm` the container is gone before it can be inspected.
    """
    scene = Scene()
    scene.run(A, labels={"exitCode": "0"}, auto_remove=True)
    scene.tell(docker(DIE, 10, exit_code=0), docker(DESTROY, 10.1), at_s=10.1)
    events = scene.wait(WAIT_S)
    assert (causes(events), death(events).exit_code) == ([Cause.UNKNOWN], None)


def test_a_label_is_known_by_the_events_that_have_no_exit_code_of_their_own() -> None:
    """
    Where nobody could inspect the container: `start` has no exit code, so that the one it shows is a label.
    """
    scene = Scene()
    labelled = {"name": "box-a", "image": "shop/api:1", "exitCode": "0"}
    scene.tell(docker(START, 0, attributes=labelled))
    scene.tell(docker(DIE, 10, exit_code=0, attributes=labelled), at_s=10)
    told = death(scene.wait(WAIT_S))
    assert told.exit_code is None


def test_a_signal_that_a_label_forged_is_not_believed() -> None:
    """
    Or `--label signal=9` would blame docker kill for every end.
    """
    scene = Scene()
    scene.run(A, labels={"signal": "9"})
    scene.tell(docker(KILL, 9.9, signal=9), docker(DIE, 10, exit_code=137), at_s=10)
    assert causes(scene.wait(WAIT_S)) == [Cause.SIGNAL]


def test_a_container_with_rm_is_judged_by_what_was_held() -> None:
    """
    Its name, image and main pid were asked for while it lived.
    """
    scene = Scene()
    scene.run(A, auto_remove=True)
    scene.tell(*report(MAIN_PID, A, at_s=9.9), docker(DIE, 10, exit_code=137), docker(DESTROY, 10.1), at_s=10.1)
    events = scene.wait(WAIT_S)
    assert causes(events) == [Cause.OOM_KILL]
    container = events[-1].container
    assert container is not None
    assert (container.name, container.image and container.image.name) == ("box-a", "shop/api:1")


def test_a_container_that_docker_does_not_know_any_more_has_ended() -> None:
    """
    The agent was not there when it was removed.
    """
    scene = started()
    scene.tell(ContainerGoneFact(container_id=A, seen_at_ns=ns(50)), at_s=50)
    assert causes(scene.wait(WAIT_S)) == [Cause.UNKNOWN]


def test_a_container_that_nobody_knew_is_not_missed() -> None:
    """
    There is nothing to tell.
    """
    scene = Scene()
    assert scene.tell(ContainerGoneFact(container_id=A, seen_at_ns=ns(50)), at_s=50) == []
    assert scene.wait(WAIT_S) == []


def test_an_end_that_nobody_saw_is_found_by_comparing() -> None:
    """
    The event stream was broken; inspect shows the end of the run that was known.
    """
    scene = started()
    scene.tell(ended(finished_s=30, exit_code=3), at_s=60)
    events = scene.wait(WAIT_S)
    assert (causes(events), events[0].time_ns) == ([Cause.APP_ERROR], ns(30))


def test_the_event_of_an_end_that_was_found_so_tells_it_no_second_time() -> None:
    """
    It may still be on its way.
    """
    scene = started()
    scene.tell(ended(finished_s=30, exit_code=3), docker(DIE, 30, exit_code=3), at_s=60)
    assert causes(scene.wait(WAIT_S)) == [Cause.APP_ERROR]


def test_a_run_that_goes_on_in_another_run_has_ended_unseen() -> None:
    """
    Inspect shows a later start than the one that was known.
    """
    scene = started()
    scene.tell(running(started_s=40, pid=5000), at_s=41)
    assert causes(scene.wait(WAIT_S)) == [Cause.UNKNOWN]


def test_an_end_before_the_first_sight_of_a_container_is_told_only_where_it_was_missed() -> None:
    """
    A host has many containers that ended years ago.
    """
    scene = Scene()
    old = ended(finished_s=-5000, exit_code=1, started_s=-6000)
    assert scene.tell(old, at_s=0) == []
    assert scene.wait(WAIT_S) == []
    missed = SnapshotFact(snapshot=old.snapshot, seen_at_ns=old.seen_at_ns, ended_unseen=True)
    scene.tell(missed, at_s=10)
    assert causes(scene.wait(WAIT_S)) == [Cause.APP_ERROR]


def remembered(boot_id: str) -> RememberedRunFact:
    return RememberedRunFact(
        container_id=A, name="box-a", image="shop/api:1", boot_id=boot_id, started_at_ns=ns(0), main_pid=MAIN_PID
    )


def test_a_run_that_ended_while_the_agent_was_away_is_told() -> None:
    """
    The store remembers that it ran, and which kills were told.
    """
    scene = Scene()
    kill = RememberedKillFact(
        event_id="earlier",
        container_id=A,
        at_ns=ns(29.9),
        pid=MAIN_PID,
        comm="hog",
        main_process=True,
        killer=Killer.KERNEL,
        scope=Scope.CONTAINER,
        limit_bytes=None,
        text="Killed process 4000 (hog)",
    )
    events = scene.tell(remembered(BOOT_ID), kill, ended(finished_s=30, exit_code=137), at_s=60)
    assert (causes(events), death(events).oom_kill_ids) == ([Cause.OOM_KILL], ("earlier",))


def test_a_run_of_another_boot_ended_with_it() -> None:
    """
    The host has another boot id since.
    """
    scene = Scene(booted_s=100)
    scene.tell(remembered("f" * 32), ended(finished_s=101, exit_code=255), at_s=110)
    assert causes(scene.wait(WAIT_S)) == [Cause.HOST_REBOOT]


def test_a_run_that_ended_while_the_daemon_was_away() -> None:
    """
    The daemon stopped answering, came back, and inspect shows the end.
    """
    scene = started()
    scene.tell(EngineFact(up=False, at_ns=ns(9), text="gone"), at_s=9)
    scene.tell(EngineFact(up=True, at_ns=ns(12), text="back"), ended(finished_s=10, exit_code=137), at_s=12)
    assert causes(scene.wait(WAIT_S)) == [Cause.DAEMON_SHUTDOWN]


def test_a_daemon_that_was_away_an_hour_ago_has_no_part_in_an_end() -> None:
    """
    Only what is near the end counts.
    """
    scene = started()
    scene.tell(EngineFact(up=False, at_ns=ns(9), text="gone"), EngineFact(up=True, at_ns=ns(12), text="back"), at_s=12)
    scene.tell(docker(DIE, 3600, exit_code=137), at_s=3600)
    assert causes(scene.wait(WAIT_S)) == [Cause.SIGNAL]


def failed_start(**fields: Any) -> SnapshotFact:  # noqa: ANN401 (any field)
    known = {"exit_code": 127, "error": 'exec: "foo": not found', "created_at_ns": ns(0)}
    return SnapshotFact(snapshot=snapshot(A, **(known | fields)), seen_at_ns=ns(1))


def test_a_failed_start_is_told_at_once_and_once() -> None:
    """
    Docker sends no `die` for it; each inspection shows it again.
    """
    scene = Scene()
    scene.tell(docker(DockerAction.CREATE, 0))
    events = scene.tell(failed_start(), at_s=1)
    assert causes(events) == [Cause.START_FAILED]
    assert events[0].time_ns == ns(0)
    assert scene.tell(failed_start(), at_s=2) == []
    assert scene.wait(WAIT_S) == []


def test_a_container_that_was_only_created_has_not_failed() -> None:
    """
    It may be started yet.
    """
    scene = Scene()
    assert scene.tell(failed_start(exit_code=0, error=None), at_s=1) == []
    assert scene.wait(WAIT_S) == []


def test_a_container_with_rm_that_is_destroyed_before_it_ran_has_failed() -> None:
    """
    Nothing else removes it.
    """
    scene = Scene()
    scene.tell(failed_start(exit_code=0, error=None, auto_remove=True), docker(DESTROY, 1), at_s=1)
    assert causes(scene.wait(WAIT_S)) == [Cause.START_FAILED]


def test_a_wait_status_tells_exit_137_from_a_kill() -> None:
    """
    The processes source saw the main process call exit(137).
    """
    scene = started()
    scene.tell(exited(MAIN_PID, A, at_s=10, code=137), docker(DIE, 10, exit_code=137), at_s=10)
    assert causes(scene.wait(WAIT_S)) == [Cause.APP_ERROR]


def test_an_inspection_that_comes_late_does_not_bring_an_old_run_back() -> None:
    """
    A container is restarted faster than Docker answers: the answer shows a run that is told and forgotten.
    """
    scene = started()
    told: list[Event] = []
    for at_s in range(1, 13, 2):
        told += scene.tell(docker(DIE, at_s, exit_code=1), docker(START, at_s + 0.5), at_s=at_s)
    told += scene.tell(running(A), at_s=13)
    assert len(causes(told + scene.wait(WAIT_S))) == 6


def test_a_signal_is_held_while_it_may_still_work() -> None:
    """
    Or a restart of the agent in the grace period would forget who stopped the container.
    """
    scene = started()
    scene.tell(docker(KILL, 10, signal=15), at_s=10, origin=Origin(source="docker", ordinal=4))
    assert scene.correlator.held() == {"docker": 4}
    scene.tell(docker(DockerAction.EXEC_CREATE, 71), at_s=71)
    assert scene.correlator.held() == {}


def test_an_end_is_held_until_it_is_told() -> None:
    """
    Its position must not be passed before.
    """
    scene = started()
    scene.tell(docker(DIE, 10, exit_code=1), at_s=10, origin=Origin(source="docker", ordinal=5))
    assert scene.correlator.held() == {"docker": 5}
    scene.wait(WAIT_S)
    assert scene.correlator.held() == {}


def test_the_end_of_the_input_judges_all_that_is_open() -> None:
    """
    With what is known.
    """
    scene = started()
    scene.tell(docker(DIE, 10, exit_code=1), at_s=10)
    assert causes(scene.flush()) == [Cause.APP_ERROR]


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
    What cannot be read is taken for SIGTERM.
    """
    assert signal_number(name) == number
