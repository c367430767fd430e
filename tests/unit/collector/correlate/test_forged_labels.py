"""
Docker copies a container's labels over the attributes of its events: what a label may have forged proves nothing.
"""

from sinks.event import Cause
from tests.unit.collector.correlate.scene import (
    DESTROY,
    DIE,
    KILL,
    START,
    VERDICT_WAIT_S,
    A,
    Scene,
    causes,
    death,
    docker,
    ended,
)


def test_an_exit_code_that_a_label_forged_is_not_believed() -> None:
    """
    Docker copies labels over the event's own attributes; inspect shows the labels, and later the code.
    """
    scene = Scene()
    scene.run(A, labels={"exitCode": "0"})
    scene.feed(docker(DIE, 10, exit_code=0), at_s=10)
    scene.feed(ended(finished_s=10, exit_code=1, labels={"exitCode": "0"}), at_s=10.1)
    events = scene.wait(VERDICT_WAIT_S)
    assert (causes(events), death(events).exit_code) == ([Cause.APP_ERROR], 1)


def test_a_forged_exit_code_that_cannot_be_corrected_is_unknown() -> None:
    """
    With `--rm` the container is gone before it can be inspected.
    """
    scene = Scene()
    scene.run(A, labels={"exitCode": "0"}, auto_remove=True)
    scene.feed(docker(DIE, 10, exit_code=0), docker(DESTROY, 10.1), at_s=10.1)
    events = scene.wait(VERDICT_WAIT_S)
    assert (causes(events), death(events).exit_code) == ([Cause.UNKNOWN], None)


def test_a_label_is_known_by_the_events_that_have_no_exit_code_of_their_own() -> None:
    """
    A `start` event has no exit code, so one that it shows is a label; this helps where Docker was not asked in
    time.
    """
    scene = Scene()
    labelled = {"name": "box-a", "image": "shop/api:1", "exitCode": "0"}
    scene.feed(docker(START, 0, attributes=labelled))
    scene.feed(docker(DIE, 10, exit_code=0, attributes=labelled), at_s=10)
    found = death(scene.wait(VERDICT_WAIT_S))
    assert found.exit_code is None


def test_an_exit_code_that_only_the_end_has_is_its_own() -> None:
    """
    A label would have been in the start event too.
    """
    scene = Scene()
    named = {"name": "box-a", "image": "shop/api:1"}
    scene.feed(docker(START, 0, attributes=named))
    scene.feed(docker(DIE, 10, exit_code=3, attributes=named | {"exitCode": "3"}), at_s=10)
    assert death(scene.wait(VERDICT_WAIT_S)).exit_code == 3


def test_a_signal_that_a_label_forged_is_not_believed() -> None:
    """
    Otherwise `--label signal=9` would blame docker kill for every end.
    """
    scene = Scene()
    scene.run(A, labels={"signal": "9"})
    scene.feed(docker(KILL, 9.9, signal=9), docker(DIE, 10, exit_code=137), at_s=10)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.SIGNAL]
