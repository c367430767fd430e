"""
Ends of containers of Podman that no engine reports: published late, with what the kernel shows, and never as certain.
"""

from dataclasses import replace

import pytest

from collector.facts.observed import ProcessExitedFact
from parsers.cgroup_path import container_of
from parsers.engine import ContainerEngine, EngineName
from parsers.proc_event import WaitStatus
from sinks.event import Cause, Confidence, Event
from tests.unit.collector.correlate.scene import DIE, MAIN_PID, START, A, Scene, causes, docker, ns, us

ROOTS = ContainerEngine(name=EngineName.PODMAN, version="5.4.2", uid=0)
ROOTS_PATH = f"/machine.slice/libpod-{A}.scope/container"
USERS_PATH = f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope/container"


def ended(
    at_s: float, path: str = ROOTS_PATH, *, signal: int | None = None, code: int | None = None
) -> ProcessExitedFact:
    """
    The end of the first process of a container, as the process connector shows it.
    """
    container = container_of(path)
    assert container is not None
    return ProcessExitedFact(
        pid=MAIN_PID,
        started_ns=ns(0),
        container=container,
        comm="hog",
        command_line="hog",
        parent_pid=70,
        ancestors=(),
        status=WaitStatus(exit_code=code, signal=signal, core_dumped=False),
        monotonic_us=us(at_s),
        at_ns=ns(at_s),
        namespace_pid=1,
    )


def the_death(events: list[Event]) -> Event:
    (event,) = [event for event in events if event.exit137.death is not None]
    return event


@pytest.mark.parametrize(("path", "uid"), [(ROOTS_PATH, None), (USERS_PATH, 1000)], ids=["root", "user"])
def test_a_death_without_an_engine_is_published(path: str, uid: int | None) -> None:
    """
    With the id and the user from the path of the cgroup, and the exit code from the kernel.
    """
    scene = Scene()
    scene.feed(ended(10, path, code=3), at_s=10)
    assert causes(scene.wait(10)) == []
    event = the_death([*scene.wait(6), *scene.wait(3)])
    assert (event.exit137.cause, event.exit137.confidence) == (Cause.APP_ERROR, Confidence.LIKELY)
    assert event.exit137.death is not None
    assert (event.exit137.death.exit_code, event.exit137.death.finished_at_ns) == (3, ns(10))
    assert event.container is not None
    assert (event.container.id, event.container.name, event.container.runtime) == (A, None, "podman")
    assert event.exit137.engine is not None
    assert event.exit137.engine.uid == uid
    assert event.exit137.logs_missing is not None


def test_a_crash_is_not_certain_either() -> None:
    """
    What the kernel saw of the process is certain, but not that nothing else happened to the container.
    """
    scene = Scene()
    scene.feed(ended(10, signal=11), at_s=10)
    event = the_death([*scene.wait(16), *scene.wait(3)])
    assert (event.exit137.cause, event.exit137.confidence) == (Cause.CRASH, Confidence.LIKELY)
    assert {item.source.value for item in event.exit137.evidence} == {"process"}


def test_a_user_cannot_crowd_out_the_containers_of_root() -> None:
    """
    A user may name as many cgroups after containers as they like, and end a process in each.
    """
    scene = Scene()
    for number in range(5000):
        path = USERS_PATH.replace(A, f"{number:064x}")
        scene.feed(replace(ended(10, path, code=0), pid=MAIN_PID + 1 + number), at_s=10)
    scene.feed(ended(10, code=3), at_s=10)
    found = [*scene.wait(16), *scene.wait(3)]
    assert A in {event.container.id for event in found if event.container is not None}


def test_an_engine_that_reports_in_time_is_believed() -> None:
    scene = Scene()
    scene.feed(ended(10, code=3), at_s=10)
    scene.feed(docker(DIE, 10.1, exit_code=3, engine=ROOTS), at_s=18)
    event = the_death([*scene.wait(20), *scene.wait(60)])
    assert event.container is not None
    assert event.container.name == "box-a"


def test_an_engine_that_reports_too_late_gives_no_second_death() -> None:
    scene = Scene()
    scene.feed(ended(10, code=3), at_s=10)
    first = [*scene.wait(16), *scene.wait(3)]
    late = scene.feed(docker(DIE, 10.1, exit_code=3, engine=ROOTS), at_s=30)
    assert causes([*first, *late, *scene.wait(60)]) == [Cause.APP_ERROR]


def test_a_known_container_whose_end_is_never_reported() -> None:
    """
    Its engine is waited for longer: a minute.
    """
    scene = Scene()
    scene.feed(docker(START, 0, engine=ROOTS), at_s=0)
    scene.feed(ended(10, code=3), at_s=10)
    assert causes(scene.wait(50)) == []
    event = the_death([*scene.wait(11), *scene.wait(3)])
    assert event.container is not None
    assert (event.container.name, event.exit137.confidence) == ("box-a", Confidence.LIKELY)


def test_the_end_of_a_run_is_not_that_of_the_next() -> None:
    """
    The engine has reported the next start, and not the end before it.
    """
    scene = Scene()
    scene.feed(docker(START, 0, engine=ROOTS), ended(10, code=3), docker(START, 12, engine=ROOTS), at_s=12)
    published = [*scene.wait(30), *scene.wait(40), *scene.wait(40)]
    assert sum(event.exit137.death is not None for event in published) == 1
    record_lives = scene.feed(docker(DIE, 200, exit_code=5, engine=ROOTS), at_s=200)
    codes = [event.exit137.death.exit_code for event in [*record_lives, *scene.wait(20)] if event.exit137.death]
    assert codes == [5]


def test_each_run_of_a_restarted_container_is_published() -> None:
    """
    A restart policy begins the next run without a word of the engine.
    """
    scene = Scene()
    scene.feed(ended(10, code=3), at_s=10)
    found = scene.wait(20)
    again = replace(ended(90, code=4), pid=MAIN_PID + 1, started_ns=ns(31))
    found += [*scene.feed(again, at_s=90), *scene.wait(61), *scene.wait(3)]
    codes = [event.exit137.death.exit_code for event in found if event.exit137.death is not None]
    assert codes == [3, 4]


@pytest.mark.parametrize(
    "end",
    [
        replace(ended(10, code=0), namespace_pid=7),
        replace(ended(10, code=0), ancestors=("sh",), namespace_pid=None),
        ended(10, f"/system.slice/docker-{A}.scope", code=0),
        ended(10, f"/system.slice/docker-{'d' * 64}.scope/libpod-{A}.scope", code=0),
    ],
    ids=["podman exec", "a child", "Docker", "Podman in a container"],
)
def test_other_ends_are_no_deaths(end: ProcessExitedFact) -> None:
    scene = Scene()
    scene.feed(end, at_s=10)
    assert causes([*scene.wait(16), *scene.wait(60)]) == []
