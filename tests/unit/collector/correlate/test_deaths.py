"""
From the end of a run to its verdict: what it waits for, and what explains it.
"""

from collector.facts.observed import (
    Origin,
)
from parsers.docker_event import DockerAction
from sinks.event import Cause
from tests.unit.collector.correlate.scene import (
    DESTROY,
    DIE,
    KILL,
    MAIN_PID,
    STOP,
    VERDICT_WAIT_S,
    A,
    Scene,
    causes,
    death,
    docker,
    ended,
    exited,
    ns,
    report,
    started,
)


def test_a_verdict_waits_for_late_evidence_until_its_deadline() -> None:
    """
    Docker's `stop` and `oom` come after `die`: the verdict waits for them, and not longer than stated.
    """
    scene = started()
    scene.feed(docker(KILL, 9, signal=15), docker(DIE, 10, exit_code=143), at_s=10)
    assert scene.analyzer.next_deadline_ns() == ns(10 + VERDICT_WAIT_S)
    assert scene.feed(ended(finished_s=10, exit_code=143), docker(STOP, 10.2), at_s=10.2) == []
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.DOCKER_STOP]
    assert scene.wait(60) == []


def test_a_death_with_a_final_verdict_is_published_at_once() -> None:
    """
    Such a death is published as soon as inspect has confirmed it.
    """
    scene = started()
    assert scene.feed(docker(DIE, 10, exit_code=0), at_s=10) == []
    assert causes(scene.feed(ended(finished_s=10, exit_code=0), at_s=10.1)) == [Cause.EXIT]


def test_a_published_kill_explains_the_end() -> None:
    """
    The death names the events of the kills in its run.
    """
    scene = started()
    scene.feed(*report(MAIN_PID, A, at_s=9.9), at_s=9.9)
    (kill,) = scene.wait(0.01)
    scene.feed(docker(DIE, 10, exit_code=137), at_s=10)
    events = scene.feed(ended(finished_s=10, exit_code=137), at_s=10.1)
    assert causes(events) == [Cause.OOM_KILL]
    assert death(events).oom_kill_ids == (kill.id,)


def test_a_kill_that_the_kernel_log_brings_late_still_counts() -> None:
    """
    Docker may be faster than the journal.
    """
    scene = started()
    scene.feed(docker(DIE, 10, exit_code=137), ended(finished_s=10, exit_code=137), at_s=10)
    scene.feed(*report(MAIN_PID, A, at_s=9.9), at_s=10.5)
    assert causes(scene.wait(0.01)) == [Cause.OOM_KILL]


def test_a_container_with_rm_is_judged_by_what_was_known_before() -> None:
    """
    Its name, image and main pid were looked up while it was running.
    """
    scene = Scene()
    scene.run(A, auto_remove=True)
    scene.feed(*report(MAIN_PID, A, at_s=9.9), docker(DIE, 10, exit_code=137), docker(DESTROY, 10.1), at_s=10.1)
    events = scene.wait(VERDICT_WAIT_S)
    assert causes(events) == [Cause.OOM_KILL]
    container = events[-1].container
    assert container is not None
    assert (container.name, container.image and container.image.name) == ("box-a", "shop/api:1")


def test_a_wait_status_distinguishes_exit_137_from_a_kill() -> None:
    """
    The processes source saw the main process call exit(137).
    """
    scene = started()
    scene.feed(exited(MAIN_PID, A, at_s=10, code=137), docker(DIE, 10, exit_code=137), at_s=10)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.APP_ERROR]


def test_a_signal_is_held_while_it_may_still_end_the_run() -> None:
    """
    Otherwise a restart of the agent in the grace period would forget who stopped the container.
    """
    scene = started()
    scene.feed(docker(KILL, 10, signal=15), at_s=10, origin=Origin(source="docker", ordinal=4))
    assert scene.analyzer.held() == {"docker": 4}
    scene.feed(docker(DockerAction.EXEC_CREATE, 71), at_s=71)
    assert scene.analyzer.held() == {}


def test_an_end_is_held_until_it_is_published() -> None:
    """
    The position of the event is not stored before the death is published.
    """
    scene = started()
    scene.feed(docker(DIE, 10, exit_code=1), at_s=10, origin=Origin(source="docker", ordinal=5))
    assert scene.analyzer.held() == {"docker": 5}
    scene.wait(VERDICT_WAIT_S)
    assert scene.analyzer.held() == {}


def test_the_end_of_the_input_judges_all_pending_deaths() -> None:
    """
    Every pending death is judged with what is known.
    """
    scene = started()
    scene.feed(docker(DIE, 10, exit_code=1), at_s=10)
    assert causes(scene.flush()) == [Cause.APP_ERROR]
