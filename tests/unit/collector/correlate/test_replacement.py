"""
The container that replaces one that was stopped: a deploy, where it is known when the old one ends.
"""

from typing import Final

import pytest

from collector.correlate.replacement import replacement_of
from sinks.event import Cause
from tests.unit.collector.correlate.scene import A, B, DockerAction, Scene, death, docker, ended

PLACE: Final = {
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "api",
    "com.docker.compose.container-number": "1",
}
TASK: Final = {"com.docker.swarm.service.id": "s1", "com.docker.swarm.task.name": "shop_api.1.taskA"}


def replaced_by(
    old: dict[str, str], new: dict[str, str], created_s: float = 5.0, *, stopped: bool = True
) -> str | None:
    """
    The replacement of a container that ends at 10 s, where another one was created meanwhile.
    """
    scene = Scene()
    scene.run(A, labels=old)
    scene.feed(docker(DockerAction.CREATE, created_s, B, attributes={"name": "new", **new}), at_s=created_s)
    if stopped:
        scene.feed(docker(DockerAction.KILL, 9.9, signal=15), at_s=9.9)
    scene.feed(docker(DockerAction.DIE, 10, exit_code=0 if stopped else 1), at_s=10)
    scene.feed(docker(DockerAction.STOP, 10.1) if stopped else ended(finished_s=10, exit_code=1, labels=old), at_s=10.1)
    scene.feed(ended(finished_s=10, exit_code=0 if stopped else 1, labels=old), at_s=10.2)
    events = scene.wait(3)
    assert (events[0].exit137.cause is Cause.DOCKER_STOP) is stopped
    return death(events).replaced_by


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (PLACE, PLACE),
        (TASK, {**TASK, "com.docker.swarm.task.name": "shop_api.1.taskB"}),
    ],
)
def test_a_new_container_in_the_same_place_is_the_replacement(old: dict[str, str], new: dict[str, str]) -> None:
    """
    Compose and Swarm create it before they stop the old one.
    """
    assert replaced_by(old, new) == B


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (PLACE, {**PLACE, "com.docker.compose.container-number": "2"}),
        (PLACE, {**PLACE, "com.docker.compose.service": "db"}),
        (PLACE, {**PLACE, "com.docker.compose.oneoff": "True"}),
        (TASK, {**TASK, "com.docker.swarm.task.name": "shop_api.2.taskB"}),
        ({}, {}),
    ],
)
def test_a_container_in_another_place_replaces_nothing(old: dict[str, str], new: dict[str, str]) -> None:
    """
    Another instance, another service, a one-off command, or a container of no service.
    """
    assert replaced_by(old, new) is None


def test_what_is_created_after_the_end_is_not_known_at_the_end() -> None:
    """
    Nothing is guessed of what follows.
    """
    assert replaced_by(PLACE, PLACE, created_s=10.05) is None


def test_a_death_by_itself_is_no_deploy() -> None:
    """
    It may have died while a deploy was under way: it still counts as a death.
    """
    assert replaced_by(PLACE, PLACE, stopped=False) is None


def test_a_run_without_a_start_has_no_replacement() -> None:
    """
    Nobody knows whether the other container came later.
    """
    scene = Scene()
    scene.run(A, labels=PLACE)
    inventory = scene.analyzer._correlator.inventory
    record = inventory.get(A)
    assert record is not None
    (run,) = record.runs
    run.started_at_ns = run.start_event_ns = None
    assert replacement_of(record, run, inventory) is None
