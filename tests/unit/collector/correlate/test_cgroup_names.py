"""
A cgroup that is named like a container, and is not the one that the container runs in.
"""

from dataclasses import replace

import pytest

from collector.facts.kernel import KernelFact
from parsers.cgroup_path import container_of
from sinks.event import Cause, Confidence, Event
from tests.unit.collector.correlate.scene import (
    DIE,
    SETTLE_S,
    VERDICT_WAIT_S,
    A,
    B,
    Scene,
    by_systemd,
    causes,
    docker,
    exited,
    killed,
    line,
    marked,
    owners,
    report,
    running,
    scope_path,
    summary,
)

MANAGER = "/user.slice/user-1000.slice/user@1000.service"
FORGED = (
    f"{MANAGER}/app.slice/docker-{A}.scope",
    f"{MANAGER}/docker/{A}",
    f"/users/bob/docker/{A}",
    f"/docker/{B}/docker/{A}",
)
VICTIM = 7000


def host(cgroup: str | None) -> Scene:
    """
    A host where container A runs in this cgroup; None if nobody could see that in time.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(replace(running(A), cgroup=cgroup))
    return scene


def kill_in(path: str) -> list[KernelFact]:
    return [line(summary(VICTIM, path), 1.0), line(killed(VICTIM), 1.0)]


def published(scene: Scene, path: str) -> Event:
    (event,) = scene.feed(*kill_in(path), at_s=1) + scene.wait(SETTLE_S)
    return event


@pytest.mark.parametrize("path", FORGED[:3])
def test_cgroup_of_that_name_is_not_the_container(path: str) -> None:
    """
    A kill in a cgroup that is named like a container and is not its own has no container; the evidence says why.
    """
    event = published(host(scope_path(A)), path)
    assert (event.container, event.exit137.confidence) == (None, Confidence.LIKELY)
    assert any("a cgroup of that name" in evidence.text for evidence in event.exit137.evidence)


@pytest.mark.parametrize("path", FORGED)
def test_kill_there_does_not_explain_a_death(path: str) -> None:
    """
    A container that ends by a SIGKILL just then was not killed by that OOM.
    """
    scene = host(scope_path(A))
    published(scene, path)
    assert causes(scene.feed(docker(DIE, 1.1, exit_code=137), at_s=1.1) + scene.wait(VERDICT_WAIT_S)) == [Cause.SIGNAL]


def test_container_that_names_another_inside_itself_is_the_victim() -> None:
    """
    A kill in a cgroup that root in container B has named like container A belongs to B.
    """
    scene = host(scope_path(A))
    scene.run(B, pid=5000)
    scene.feed(replace(running(B, pid=5000), cgroup=scope_path(B)))
    event = published(scene, f"{scope_path(B)}/docker-{A}.scope")
    assert (event.subject, event.exit137.confidence) == (f"container/{B}", Confidence.CERTAIN)


@pytest.mark.parametrize("below", ["", "/init.scope", "/system.slice/web.service"])
def test_own_cgroup_and_what_is_below_it_is_the_container(below: str) -> None:
    """
    A kill in the container's own cgroup, or below it, is the container's for certain.
    """
    event = published(host(scope_path(A)), f"{scope_path(A)}{below}")
    assert (event.subject, event.exit137.confidence) == (f"container/{A}", Confidence.CERTAIN)


def test_rootless_container_is_known_by_its_main_process() -> None:
    """
    A container that does run in a user's part of the tree is found there for certain.
    """
    event = published(host(FORGED[0]), FORGED[0])
    assert (event.subject, event.exit137.confidence) == (f"container/{A}", Confidence.CERTAIN)


@pytest.mark.parametrize("path", [FORGED[0], FORGED[1], FORGED[3]])
def test_path_that_others_than_root_can_make_needs_to_be_seen(path: str) -> None:
    """
    Where nobody saw the container's cgroup in time, a path counts only if root must have made it.
    """
    scene = host(None)
    scene.run(B, pid=5000)
    assert published(scene, path).subject != f"container/{A}"
    assert published(host(None), scope_path(A)).exit137.confidence is Confidence.CERTAIN


def test_unknown_container_in_a_users_part_is_only_possible() -> None:
    """
    A container of a user that Docker does not know may be any cgroup of that name.
    """
    event = published(Scene(), FORGED[0])
    assert (event.subject, event.exit137.confidence) == (f"container/{A}", Confidence.POSSIBLE)


def test_process_in_such_a_cgroup_is_not_the_containers() -> None:
    """
    What the connector and the trace see in a cgroup of that name attributes no kill to the container.
    """
    scene = host(scope_path(A))
    forged = container_of(FORGED[0])
    assert forged is not None
    scene.feed(replace(marked(VICTIM), container=forged), replace(exited(VICTIM, signal=9), container=forged))
    scene.feed(line(killed(VICTIM), 1.0), at_s=1)
    assert owners(scene.wait(SETTLE_S) + scene.wait(3)) == [None]


def test_own_kills_are_found_as_before() -> None:
    """
    A report in the container's own cgroup is attributed though systemd names only the unit.
    """
    scene = host(scope_path(A))
    assert owners(scene.feed(*report(VICTIM), by_systemd(A, 1.01), at_s=1) + scene.wait(SETTLE_S)) == [A]
