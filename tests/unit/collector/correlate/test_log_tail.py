"""
The log tail of a container in the event of its death: waited for, but not for long.
"""

from collector.facts.observed import LogTailFact, LogTailRequestedFact
from collector.facts.shed import LOGS_SHED
from parsers.docker_event import DockerAction
from sinks.event import Event, Shed
from tests.unit.collector.correlate.scene import VERDICT_WAIT_S, A, Scene, docker, ended, ns, running

ASKED = LogTailRequestedFact(container_id=A, die_event_ns=ns(10))
CAME = LogTailFact(container_id=A, die_event_ns=ns(10), lines=("listening", "killed"))


def dying() -> Scene:
    """
    A container that ended with 0: a verdict that nothing can change any more.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(docker(DockerAction.DIE, 10, exit_code=0), ASKED, at_s=10)
    return scene


def logs(events: list[Event]) -> tuple[tuple[str, ...], str | None]:
    (event,) = events
    return event.exit137.logs, event.exit137.logs_missing


def test_the_death_is_published_when_the_log_tail_has_come() -> None:
    """
    The death waits for the log tail though its verdict is final, and is published at once then.
    """
    scene = dying()
    assert scene.feed(ended(finished_s=10, exit_code=0), at_s=10.1) == []
    assert logs(scene.feed(CAME, at_s=10.2)) == (("listening", "killed"), None)


def test_no_death_waits_longer_than_the_deadline() -> None:
    """
    A daemon that does not answer does not delay the death; the event says that it did not answer.
    """
    scene = dying()
    scene.feed(ended(finished_s=10, exit_code=0), at_s=10.1)
    assert scene.analyzer.next_deadline_ns() == ns(10 + VERDICT_WAIT_S)
    assert logs(scene.wait(VERDICT_WAIT_S)) == ((), "Docker did not give its logs in time.")
    assert scene.feed(CAME) == []


def test_the_reason_for_a_missing_log_tail_is_published() -> None:
    """
    The reason is the one that the source gave.
    """
    scene = dying()
    scene.feed(LogTailFact(container_id=A, die_event_ns=ns(10), missing='The log driver "none" keeps no logs.'))
    events = scene.feed(ended(finished_s=10, exit_code=0), at_s=10.1)
    assert logs(events) == ((), 'The log driver "none" keeps no logs.')


def test_a_log_tail_belongs_to_its_own_run() -> None:
    """
    Two runs end within a second, and the lines of the first come late.
    """
    scene = dying()
    scene.feed(ended(finished_s=10, exit_code=0), at_s=10.05)
    scene.feed(docker(DockerAction.START, 10.2), running(started_s=10.2), at_s=10.2)
    second = LogTailRequestedFact(container_id=A, die_event_ns=ns(10.6))
    scene.feed(docker(DockerAction.DIE, 10.6, exit_code=0), second, at_s=10.6)
    assert logs(scene.feed(CAME, at_s=10.7)) == (("listening", "killed"), None)


def test_what_was_shed_is_stated() -> None:
    """
    The event says that the log was left out because the agent was behind, and whether advice may be missing too.
    """
    scene = dying()
    scene.feed(LogTailFact(container_id=A, die_event_ns=ns(10), missing=LOGS_SHED))
    (event,) = scene.feed(ended(finished_s=10, exit_code=0), at_s=10.1)
    assert event.exit137.shed == (Shed.LOGS,)
    scene = dying()
    scene.analyzer.set_behind(is_behind=True)
    scene.feed(LogTailFact(container_id=A, die_event_ns=ns(10), missing=LOGS_SHED))
    (event,) = scene.feed(ended(finished_s=10, exit_code=0), at_s=10.1)
    assert event.exit137.shed == (Shed.LOGS, Shed.MEMORY)


def test_no_death_waits_for_a_log_tail_that_was_not_requested() -> None:
    """
    A recording has no logs.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(docker(DockerAction.DIE, 10, exit_code=0), at_s=10)
    assert logs(scene.feed(ended(finished_s=10, exit_code=0), at_s=10.1)) == ((), None)
