"""
Containers that never ran: Docker sends no `die` for them.
"""

from typing import Any

from collector.facts.observed import (
    SnapshotFact,
)
from sinks.event import Cause
from tests.unit.collector.correlate.scene import (
    CREATE,
    DESTROY,
    VERDICT_WAIT_S,
    A,
    Scene,
    causes,
    docker,
    ns,
    snapshot,
)


def failed_start(**fields: Any) -> SnapshotFact:  # noqa: ANN401 (any field)
    known = {"exit_code": 127, "error": 'exec: "foo": not found', "created_at_ns": ns(0)}
    return SnapshotFact(snapshot=snapshot(A, **(known | fields)), seen_at_ns=ns(1))


def test_a_failed_start_is_published_at_once_and_once() -> None:
    """
    Docker sends no `die` for a failed start, and each inspection shows it again.
    """
    scene = Scene()
    scene.feed(docker(CREATE, 0))
    events = scene.feed(failed_start(), at_s=1)
    assert causes(events) == [Cause.START_FAILED]
    assert events[0].time_ns == ns(0)
    assert scene.feed(failed_start(), at_s=2) == []
    assert scene.wait(VERDICT_WAIT_S) == []


def test_a_container_that_was_only_created_has_not_failed() -> None:
    """
    It may still be started.
    """
    scene = Scene()
    assert scene.feed(failed_start(exit_code=0, error=None), at_s=1) == []
    assert scene.wait(VERDICT_WAIT_S) == []


def test_a_container_with_rm_that_is_destroyed_before_it_ran_has_failed() -> None:
    """
    Nothing but a failed start removes such a container.
    """
    scene = Scene()
    scene.feed(failed_start(exit_code=0, error=None, auto_remove=True), docker(DESTROY, 1), at_s=1)
    assert causes(scene.wait(VERDICT_WAIT_S)) == [Cause.START_FAILED]
