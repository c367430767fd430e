"""
Podman's recorded events through the correlator, without the trace: each command has its cause, and no more is claimed.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.correlate.correlator import Correlator
from collector.facts.observed import ContainerGoneFact
from collector.facts.restored import RestoredRunFact
from parsers.docker_event import DockerAction, DockerEvent, parse_event
from parsers.engine import ContainerEngine, EngineName
from parsers.killers import Author
from parsers.podman_event import parse_podman_line
from parsers.unit_stops import UnitStopping
from sinks.event import Cause, Confidence, Event, Scope
from sinks.event.ecs import OrchestratorResource
from tests.unit.collector.correlate.scene import (
    BOOT_ID,
    DIE,
    KILL,
    START,
    STOP,
    THIS_HOST,
    A,
    Scene,
    causes,
    docker,
    killed,
    line,
    ns,
    oom,
    owners,
    running,
    scope_path,
    summary,
)

ROOTS = ContainerEngine(name=EngineName.PODMAN, version="5.4.2", uid=0)
USERS = ContainerEngine(name=EngineName.PODMAN, version="5.4.2", uid=1000)
OTHERS = replace(USERS, uid=1001)
RECORDED = Path(__file__).parents[2] / "parsers/recorded"


def recorded(file: str, engine: ContainerEngine) -> Iterator[DockerEvent]:
    for message in (RECORDED / file).read_bytes().splitlines():
        event = parse_event(message)
        if event is not None:
            yield replace(event, engine=engine)


def deaths(events: Iterator[DockerEvent]) -> dict[str | None, tuple[Cause | None, Confidence]]:
    """
    Return cause and confidence of the last death of each container.
    """
    scene = Scene()
    published: list[Event] = []
    for event in events:
        published += scene.feed(event, at_s=(event.time_ns - ns(0)) / 1e9)
        published += scene.wait(0.001)
    published += scene.wait(20)  # for what a slow Podman says after an end
    return {
        event.container.name if event.container is not None else None: (event.exit137.cause, event.exit137.confidence)
        for event in published
        if event.exit137.death is not None
    }


def test_roots_commands_without_the_trace() -> None:
    """
    Podman 5.4 on a machine so slow that its events are seconds apart; nothing that may be otherwise is certain.
    """
    found = deaths(recorded("podman-5.4-root.jsonl", ROOTS))
    assert {name: cause for name, (cause, _) in found.items()} == {
        "killed": Cause.DOCKER_KILL,
        "stopped": Cause.DOCKER_STOP,
        "stubborn": Cause.SIGNAL,
        "rmf": Cause.DOCKER_RM,
        "rmfgood": Cause.DOCKER_RM,
        "restart": Cause.EXIT,
        "autorm": Cause.DOCKER_KILL,
        "inpod": Cause.DOCKER_STOP,
        "quad": Cause.DOCKER_STOP,
        "quadstub": Cause.DOCKER_STOP,
    }
    assert Confidence.CERTAIN not in {confidence for _, confidence in found.values()}


def test_an_event_that_two_sources_bring_counts_once() -> None:
    """
    Podman's service tells what the journal has too.
    """
    events = list(recorded("podman-5.4-root.jsonl", ROOTS))
    assert deaths(event for event in events for _ in range(2)) == deaths(iter(events))


@pytest.mark.parametrize("first", ["journal", "service"])
def test_the_pod_is_named_whichever_source_comes_first(first: str) -> None:
    """
    The journal has only the pod's id; Podman's service has its name too.
    """
    scene = Scene()
    for event in (docker(START, 0, engine=ROOTS), docker(DIE, 1, exit_code=1, engine=ROOTS)):
        by_journal = replace(event, attributes={**event.attributes, "podId": "f" * 64})
        by_service = replace(event, attributes={**by_journal.attributes, "podName": "shop"})
        both = (by_journal, by_service) if first == "journal" else (by_service, by_journal)
        scene.feed(*both, at_s=1)
    (event,) = [event for event in scene.wait(10) if event.exit137.death is not None]
    assert event.orchestrator is not None
    assert event.orchestrator.resource == OrchestratorResource(type="pod", name="shop", id="f" * 64)


@pytest.mark.parametrize("known", [None, ROOTS, OTHERS], ids=["docker", "root", "another user"])
def test_a_users_engine_speaks_only_of_its_own_containers(known: ContainerEngine | None) -> None:
    """
    A user's engine that reports the end of somebody else's container is not believed.
    """
    scene = Scene()
    scene.feed(docker(START, 0, engine=known), at_s=0)
    lies = (docker(KILL, 1, engine=USERS), docker(DIE, 1.1, exit_code=137, engine=USERS))
    assert causes([*scene.feed(*lies, at_s=1), *scene.wait(10)]) == []


def test_the_hosts_engine_takes_a_container_over() -> None:
    """
    What a user's engine has said of an id is forgotten once Docker runs a container with it.
    """
    scene = Scene()
    scene.feed(docker(START, 0, engine=USERS), docker(KILL, 0.5, engine=USERS), at_s=0)
    scene.feed(docker(START, 1), docker(DIE, 2, exit_code=0), at_s=1)
    (event,) = [event for event in scene.wait(10) if event.exit137.death is not None]
    assert event.container is not None
    assert (event.container.runtime, event.exit137.cause) == ("docker", Cause.EXIT)


def test_a_cgroup_of_root_is_no_users_container() -> None:
    """
    Where Docker's socket is not read, a user's engine that claims one of its containers gives it no name.
    """
    scene = Scene()
    scene.feed(docker(START, 0, engine=USERS), at_s=0)
    kill = (*scene.feed(line(summary(4001, scope_path(A)), 1), line(killed(4001), 1), at_s=1), *scene.wait(20))
    assert owners([event for event in kill if event.exit137.oom is not None]) == [A]
    assert {event.container.name for event in kill if event.container is not None} == {None}


def test_a_users_container_is_found_by_its_path() -> None:
    """
    Without an inspection a cgroup below the user's systemd counts.
    """
    scene = Scene()
    scene.feed(docker(START, 0, engine=USERS), at_s=0)
    path = f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope"
    kill = (*scene.feed(line(summary(4001, path), 1), line(killed(4001), 1), at_s=1), *scene.wait(20))
    assert owners([event for event in kill if event.exit137.oom is not None]) == [A]
    assert {event.container.name for event in kill if event.container is not None} == {"box-a"}


@pytest.mark.parametrize(
    ("base", "engine"),
    [("/machine.slice", ROOTS), ("/user.slice/user-1000.slice/user@1000.service/user.slice", USERS)],
    ids=["root", "user"],
)
@pytest.mark.parametrize(("at_pod", "scope"), [(True, Scope.PARENT), (False, Scope.CONTAINER)])
def test_the_limit_of_a_pod_is_the_parents(base: str, engine: ContainerEngine, at_pod: bool, scope: Scope) -> None:
    """
    Podman gives each pod a slice, and its containers a scope below that.
    """
    pod = f"{base}/{'machine' if engine is ROOTS else 'user'}-libpod_pod_{'e' * 64}.slice"
    path = f"{pod}/libpod-{A}.scope/container"
    scene = Scene()
    scene.feed(docker(START, 0, engine=engine), at_s=0)
    lines = (line(summary(4001, path, pod if at_pod else path), 1), line(killed(4001), 1))
    (kill,) = (event for event in [*scene.feed(*lines, at_s=1), *scene.wait(20)] if event.exit137.oom is not None)
    assert (oom(kill).scope, owners([kill])) == (scope, [A])


@pytest.mark.parametrize("first", ["journal", "service"])
def test_the_command_counts_whichever_source_comes_first(first: str) -> None:
    """
    Only the journal says which command noted an end.
    """
    correlator = Correlator(THIS_HOST)
    by_service = docker(DIE, 10, exit_code=0, engine=ROOTS)
    by_journal = replace(by_service, command="stop")
    both = (by_journal, by_service) if first == "journal" else (by_service, by_journal)
    for event in (docker(START, 0, engine=ROOTS), *both):
        correlator.feed(event, event.time_ns)
    record = correlator.inventory.get(A)
    assert record is not None
    assert record.run is not None
    assert record.run.ended_command == "stop"


def in_journal(event: DockerEvent) -> DockerEvent:
    """
    The same event, for whose user journald vouches.
    """
    return replace(event, engine=ContainerEngine(name=EngineName.PODMAN, uid=1000), is_vouched=True)


@pytest.mark.parametrize("order", ["root first", "user first"])
def test_roots_service_repeats_the_events_of_users(order: str) -> None:
    """
    Podman 4.3 does so, and does not know these containers when it is asked: they are neither root's nor gone.
    """
    scene = Scene()
    gone = ContainerGoneFact(container_id=A, seen_at_ns=ns(1), engine=ROOTS)
    found = []
    for moment in (docker(START, 0, engine=ROOTS), docker(DIE, 10, exit_code=3, engine=ROOTS)):
        both = (moment, in_journal(moment)) if order == "root first" else (in_journal(moment), moment)
        for fact in (both[0], gone, both[1], gone):
            found += scene.feed(fact, at_s=(moment.time_ns - ns(0)) / 1e9)
        found += scene.wait(5)
    deaths_found = [event for event in [*found, *scene.wait(60)] if event.exit137.death is not None]
    assert causes(deaths_found) == [Cause.APP_ERROR]
    assert deaths_found[0].exit137.engine is not None
    assert deaths_found[0].exit137.engine.uid == 1000


def in_roots_file(action: str, at_s: float) -> DockerEvent:
    """
    An event in the file of root's Podman.
    """
    time = datetime.fromtimestamp(ns(at_s) // 10**9, UTC).isoformat()
    fields = {"ID": A, "Name": "box", "Status": action, "Time": time, "Type": "container", "ContainerExitCode": 3}
    event = parse_podman_line(json.dumps(fields).encode(), ContainerEngine(name=EngineName.PODMAN, uid=0))
    assert event is not None
    return event


@pytest.mark.parametrize("order", ["root first", "user first"])
def test_a_user_takes_no_container_from_the_file_of_roots_events(order: str) -> None:
    """
    Any user may write events of any id into the journal; only root writes into that file.
    """
    scene = Scene()
    forged = in_journal(docker(START, 1)), in_journal(docker(DIE, 5, exit_code=0))
    start, died = in_roots_file("start", 0), in_roots_file("died", 10)
    scene.feed(*((start, *forged) if order == "root first" else (*forged, start)), at_s=5)
    found = [*scene.feed(died, at_s=10), *scene.wait(60)]
    ended = [event for event in found if event.exit137.death is not None]
    of_root = [event for event in ended if event.exit137.engine is None or event.exit137.engine.uid != 1000]
    assert causes(of_root) == [Cause.APP_ERROR]
    assert ended == of_root or order == "user first"


def test_a_container_that_is_gone_waits_for_the_word_of_podman() -> None:
    """
    It is asked for before its slow `died` has come.
    """
    scene = Scene()
    scene.feed(in_journal(docker(START, 0)), at_s=0)
    scene.feed(ContainerGoneFact(container_id=A, seen_at_ns=ns(10), engine=USERS), at_s=10)
    assert causes(scene.wait(5)) == []
    found = scene.feed(in_journal(docker(DIE, 10, exit_code=3)), at_s=15)
    assert causes([*found, *scene.wait(5)]) == [Cause.APP_ERROR]


def remembered(scene: Scene) -> None:
    """
    A container of root's Podman that the trace saw stopped, and that ended with 0.
    """
    scene.feed(docker(START, 0, engine=ROOTS), docker(STOP, 10, engine=ROOTS), at_s=10)
    scene.feed(docker(DIE, 10.1, exit_code=0, engine=ROOTS), at_s=10.1)


@pytest.mark.parametrize(
    ("action", "cause"), [(DockerAction.CLEANUP, Cause.DOCKER_STOP), (DockerAction.DESTROY, Cause.DOCKER_RM)]
)
def test_a_stop_waits_until_podman_has_said_what_followed(action: DockerAction, cause: Cause) -> None:
    """
    `podman rm -f` sends the same signals, and on a slow host it removes the container seconds later.
    """
    scene = Scene()
    remembered(scene)
    assert causes(scene.wait(8)) == []
    assert causes([*scene.feed(docker(action, 18, engine=ROOTS), at_s=18), *scene.wait(0.1)]) == [cause]


def test_a_stop_waits_no_longer_for_a_podman_that_says_nothing() -> None:
    scene = Scene()
    remembered(scene)
    assert causes(scene.wait(16)) == [Cause.DOCKER_STOP]


UNIT = {"PODMAN_SYSTEMD_UNIT": "web.service"}


@pytest.mark.parametrize(("engine", "of_uid"), [(ROOTS, 0), (USERS, 1000)], ids=["root", "user"])
@pytest.mark.parametrize("said_s", [9.0, 10.5], ids=["before the end", "after it"])
def test_systemd_stops_a_unit(engine: ContainerEngine, of_uid: int, said_s: float) -> None:
    """
    Only a stop that systemd began before the end explains the end, whichever comes first to the agent.
    """
    scene = Scene()
    scene.feed(replace(docker(START, 0, engine=engine), attributes=UNIT), at_s=0)
    scene.feed(docker(DIE, 10, exit_code=0, engine=engine), at_s=10)
    author = Author(name="systemd", pid=1)
    said = UnitStopping(unit="web.service", uid=of_uid, at_ns=ns(said_s), author=author, text="Stopping web.service...")
    found = causes([*scene.feed(said, at_s=11), *scene.wait(20)])
    assert found == ([Cause.DOCKER_STOP] if said_s < 10 else [Cause.EXIT])


def test_a_users_systemd_stops_no_unit_of_root() -> None:
    scene = Scene()
    scene.feed(replace(docker(START, 0, engine=ROOTS), attributes=UNIT), at_s=0)
    author = Author(name="systemd of user 1000", doubt="it can be forged", pid=900, within="/user.slice")
    said = UnitStopping(unit="web.service", uid=1000, at_ns=ns(9), author=author, text="Stopping web.service...")
    scene.feed(said, docker(DIE, 10, exit_code=0, engine=ROOTS), at_s=10)
    assert causes(scene.wait(20)) == [Cause.EXIT]


def test_a_restored_run_has_its_engine() -> None:
    """
    After a restart of the agent a user's engine still speaks of what it ran before.
    """
    scene = Scene()
    run = RestoredRunFact(
        container_id=A, name="box", image=None, boot_id=BOOT_ID, started_at_ns=ns(0), main_pid=None, engine=USERS
    )
    scene.feed(run, docker(DIE, 2, exit_code=3, engine=USERS), at_s=2)
    assert causes(scene.wait(10)) == [Cause.APP_ERROR]


def test_podmans_containers_survive_its_service() -> None:
    """
    The events and the inspection of a container name Podman as its runtime, with version and user.
    """
    scene = Scene()
    scene.feed(docker(START, 0, engine=USERS), replace(running(A), engine=USERS), at_s=0)
    scene.feed(docker(DIE, 2, exit_code=3, engine=USERS), docker(DockerAction.CLEANUP, 2.1, engine=USERS), at_s=2)
    (event,) = [event for event in scene.wait(10) if event.exit137.death is not None]
    assert event.container is not None
    assert event.container.runtime == "podman"
    assert event.exit137.engine is not None
    assert (event.exit137.engine.version, event.exit137.engine.uid) == ("5.4.2", 1000)
