"""
The last lines of a container in the event of its death: waited for, but not for long.
"""

from collector.correlate.facts import LastWordsAsked, LastWordsFact
from parsers.docker_event import DockerAction
from sinks.event import Event
from tests.unit.collector.correlate.scene import VERDICT_WAIT_S, A, Scene, docker, ended, ns, running

ASKED = LastWordsAsked(container_id=A, die_event_ns=ns(10))
CAME = LastWordsFact(container_id=A, die_event_ns=ns(10), lines=("listening", "killed"))


def dying() -> Scene:
    """
    A container that ended with 0: a verdict that nothing can change any more.
    """
    scene = Scene()
    scene.run(A)
    scene.tell(docker(DockerAction.DIE, 10, exit_code=0), ASKED, at_s=10)
    return scene


def logs(events: list[Event]) -> tuple[tuple[str, ...], str | None]:
    (event,) = events
    return event.exit137.logs, event.exit137.logs_missing


def test_the_death_is_told_when_they_have_come() -> None:
    """
    Not before, though the verdict is certain; and at once then.
    """
    scene = dying()
    assert scene.tell(ended(finished_s=10, exit_code=0), at_s=10.1) == []
    assert logs(scene.tell(CAME, at_s=10.2)) == (("listening", "killed"), None)


def test_no_death_waits_longer_than_the_deadline() -> None:
    """
    An engine that does not answer is no reason to say nothing; that it did not is told.
    """
    scene = dying()
    scene.tell(ended(finished_s=10, exit_code=0), at_s=10.1)
    assert scene.correlator.next_deadline_ns() == ns(10 + VERDICT_WAIT_S)
    assert logs(scene.wait(VERDICT_WAIT_S)) == ((), "Docker did not give its logs in time.")
    assert scene.tell(CAME) == []


def test_the_reason_for_their_absence_is_told() -> None:
    """
    As the source found it.
    """
    scene = dying()
    scene.tell(LastWordsFact(container_id=A, die_event_ns=ns(10), missing='The log driver "none" keeps no logs.'))
    told = scene.tell(ended(finished_s=10, exit_code=0), at_s=10.1)
    assert logs(told) == ((), 'The log driver "none" keeps no logs.')


def test_they_are_those_of_their_own_run() -> None:
    """
    Two runs end within a second; the lines of the first come late.
    """
    scene = dying()
    scene.tell(ended(finished_s=10, exit_code=0), at_s=10.05)
    scene.tell(docker(DockerAction.START, 10.2), running(started_s=10.2), at_s=10.2)
    second = LastWordsAsked(container_id=A, die_event_ns=ns(10.6))
    scene.tell(docker(DockerAction.DIE, 10.6, exit_code=0), second, at_s=10.6)
    assert logs(scene.tell(CAME, at_s=10.7)) == (("listening", "killed"), None)


def test_nobody_waits_where_nobody_asked() -> None:
    """
    A recording has no logs.
    """
    scene = Scene()
    scene.run(A)
    scene.tell(docker(DockerAction.DIE, 10, exit_code=0), at_s=10)
    assert logs(scene.tell(ended(finished_s=10, exit_code=0), at_s=10.1)) == ((), None)
