"""
Ends that nobody saw, because the event stream, the agent, the daemon or the host was away: found by comparing.
"""

from collector.facts.observed import ContainerGoneFact, DockerDaemonFact, SnapshotFact
from collector.facts.restored import RestoredDeathFact, RestoredKillFact, RestoredRunFact
from sinks.event import Cause, Killer, Scope
from tests.unit.collector.correlate.scene import (
    BOOT_ID,
    DESTROY,
    DIE,
    KILL,
    MAIN_PID,
    OOM,
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


def test_a_container_that_docker_does_not_know_any_more_has_ended() -> None:
    """
    The agent was not there when it was removed.
    """
    scene = started()
    scene.feed(ContainerGoneFact(container_id=A, seen_at_ns=ns(50)), at_s=50)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.UNKNOWN]


def test_a_container_that_nobody_knew_is_not_missed() -> None:
    """
    There is nothing to tell.
    """
    scene = Scene()
    assert scene.feed(ContainerGoneFact(container_id=A, seen_at_ns=ns(50)), at_s=50) == []
    assert scene.wait(VERDICT_WAIT_S) == []


def test_an_end_that_nobody_saw_is_found_by_comparing() -> None:
    """
    The event stream was broken; inspect shows the end of the run that was known.
    """
    scene = started()
    scene.feed(ended(finished_s=30, exit_code=3), at_s=60)
    events = scene.wait(VERDICT_WAIT_S)
    assert (causes(events), events[0].time_ns) == ([Cause.APP_ERROR], ns(30))


def test_the_event_of_an_end_that_was_found_so_is_not_published_again() -> None:
    """
    It may still be on its way.
    """
    scene = started()
    scene.feed(ended(finished_s=30, exit_code=3), docker(DIE, 30, exit_code=3), at_s=60)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.APP_ERROR]


def test_a_run_that_goes_on_in_another_run_has_ended_unseen() -> None:
    """
    Inspect shows a later start than the one that was known.
    """
    scene = started()
    scene.feed(running(started_s=40, pid=5000), at_s=41)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.UNKNOWN]


def test_an_end_before_the_first_sight_of_a_container_is_published_only_if_it_was_missed() -> None:
    """
    A host has many containers that ended years ago.
    """
    scene = Scene()
    old = ended(finished_s=-5000, exit_code=1, started_s=-6000)
    assert scene.feed(old, at_s=0) == []
    assert scene.wait(VERDICT_WAIT_S) == []
    missed = SnapshotFact(snapshot=old.snapshot, seen_at_ns=old.seen_at_ns, ended_unseen=True)
    scene.feed(missed, at_s=10)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.APP_ERROR]


# A death of container A that was published before the agent was restarted.
BEFORE = RestoredDeathFact(container_id=A, ended_us=(ns(1) // 1000,))


def remembered(boot_id: str) -> RestoredRunFact:
    return RestoredRunFact(
        container_id=A, name="box-a", image="shop/api:1", boot_id=boot_id, started_at_ns=ns(0), main_pid=MAIN_PID
    )


def test_a_run_that_ended_while_the_agent_was_stopped_is_published() -> None:
    """
    The store restores that it ran, and which kills were published.
    """
    scene = Scene()
    kill = RestoredKillFact(
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
        vouched_for=True,
    )
    events = scene.feed(remembered(BOOT_ID), kill, ended(finished_s=30, exit_code=137), at_s=60)
    assert (causes(events), death(events).oom_kill_ids) == ([Cause.OOM_KILL], ("earlier",))


def test_a_kill_of_a_run_that_was_published_before_a_restart_is_not_the_next_runs() -> None:
    """
    Docker may stamp a start up to a minute after the first kill, but the end of the run before is known.
    """
    scene = Scene()
    scene.feed(
        BEFORE,
        docker(START, 2),
        running(started_s=2, pid=MAIN_PID),
    )
    scene.feed(*report(MAIN_PID, A, at_s=0.99), at_s=3)
    scene.wait(1)
    scene.feed(docker(DIE, 5, exit_code=137), ended(started_s=2, finished_s=5, exit_code=137), at_s=5)
    events = scene.wait(VERDICT_WAIT_S)
    assert (causes(events), death(events).oom_kill_ids) == ([Cause.SIGNAL], ())


def test_a_signal_to_a_run_that_was_published_before_a_restart_is_no_run_of_its_own() -> None:
    """
    Docker's `oom` may follow the `die` that was published before the restart; the container starts again.
    """
    scene = Scene()
    scene.feed(BEFORE, docker(OOM, 1.1), docker(START, 2), at_s=2)
    assert scene.feed(running(started_s=2)) + scene.wait(VERDICT_WAIT_S) == []


def test_a_signal_to_a_run_that_was_published_and_is_removed_is_no_run_of_its_own() -> None:
    """
    The same with `--rm`: the container does not start again.
    """
    scene = Scene()
    scene.feed(BEFORE, docker(OOM, 1.1), docker(DESTROY, 1.2), at_s=2)
    assert scene.wait(VERDICT_WAIT_S) == []


def test_a_signal_before_the_first_inspection_is_of_the_run_that_it_shows() -> None:
    """
    The agent has just started, and Docker has not answered yet; the container has been running for long.
    """
    scene = Scene()
    scene.feed(docker(KILL, 9, signal=9), running(started_s=0), docker(DIE, 9.05, exit_code=137), at_s=9.1)
    events = scene.feed(ended(finished_s=9.05, exit_code=137)) + scene.wait(VERDICT_WAIT_S)
    assert causes(events) == [Cause.DOCKER_KILL]


def test_a_run_of_another_boot_ended_with_it() -> None:
    """
    The host has another boot id since.
    """
    scene = Scene(booted_s=100)
    scene.feed(remembered("f" * 32), ended(finished_s=101, exit_code=255), at_s=110)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.HOST_REBOOT]


def test_a_run_that_ended_while_the_daemon_was_away() -> None:
    """
    The daemon stopped answering, came back, and inspect shows the end.
    """
    scene = started()
    scene.feed(DockerDaemonFact(up=False, at_ns=ns(9), text="gone"), at_s=9)
    scene.feed(DockerDaemonFact(up=True, at_ns=ns(12), text="back"), ended(finished_s=10, exit_code=137), at_s=12)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.DAEMON_SHUTDOWN]


def test_a_daemon_that_was_away_an_hour_ago_has_no_part_in_an_end() -> None:
    """
    Only what is near the end counts.
    """
    scene = started()
    scene.feed(
        DockerDaemonFact(up=False, at_ns=ns(9), text="gone"),
        DockerDaemonFact(up=True, at_ns=ns(12), text="back"),
        at_s=12,
    )
    scene.feed(docker(DIE, 3600, exit_code=137), at_s=3600)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.SIGNAL]
