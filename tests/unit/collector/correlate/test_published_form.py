"""
The published form of kills and deaths: names, severities, what is left out, and what is hidden.
"""

from typing import Any

import pytest

from collector.facts.observed import GapFact
from parsers.docker_event import DockerAction
from sinks.event import Event, EventType, GapKind, document
from tests.unit.collector.correlate.scene import (
    MAIN_PID,
    THIS_HOST,
    A,
    Scene,
    docker,
    ended,
    exited,
    killed,
    line,
    ns,
    report,
    scope_path,
    summary,
)

COMPOSE = {"com.docker.compose.project": "shop", "com.docker.compose.service": "api"}


def one_kill(scene: Scene, **inspected: Any) -> Event:  # noqa: ANN401 (any field)
    scene.run(A, **inspected)
    scene.feed(*report(MAIN_PID, A, at_s=1), at_s=1)
    (event,) = scene.wait(0.01)
    return event


def one_death(exit_code: int, *signals: int, **inspected: Any) -> Event:  # noqa: ANN401 (any field)
    scene = Scene()
    scene.run(A, **inspected)
    for signal in signals:
        scene.feed(docker(DockerAction.KILL, 9.9, signal=signal))
    scene.feed(docker(DockerAction.DIE, 10, exit_code=exit_code), at_s=10)
    events = scene.feed(ended(finished_s=10, exit_code=exit_code, restart_count=2, **inspected), at_s=10.1)
    (event,) = events + scene.wait(2)
    return event


def test_a_kill_carries_what_is_known_of_its_container() -> None:
    """
    Host, name, image, labels and who orchestrates it; the evidence in the kernel's words.
    """
    event = one_kill(Scene(), labels=COMPOSE, image_name="shop/api:1", image_tags=("1",), image_id="sha256:ab")
    data = document(event)["data"]
    assert event.host == THIS_HOST
    assert data["container"]["name"] == "box-a"
    assert data["container"]["image"] == {"name": "shop/api:1", "tag": ["1"], "hash": {"all": ["sha256:ab"]}}
    assert data["container"]["labels"] == {"com_docker_compose_project": "shop", "com_docker_compose_service": "api"}
    assert data["exit137"]["labels"] == [f"{key}={value}" for key, value in COMPOSE.items()]
    assert data["service"] == {"name": "api", "version": "1"}
    assert data["orchestrator"] == {
        "type": "compose",
        "namespace": "shop",
        "resource": {"type": "service", "name": "api"},
    }
    assert "Killed process 4000 (hog)" in data["exit137"]["evidence"][-1]["text"]


def test_a_kill_is_one_sentence_that_a_person_understands() -> None:
    """
    Who was killed, in which container, at whose limit.
    """
    assert one_kill(Scene()).message == (
        'The kernel\'s OOM killer killed the main process "hog" (pid 4000) of container "box-a": '
        "the container reached its own memory limit of 64 MiB."
    )


def test_a_kill_needs_no_container_that_docker_knows() -> None:
    """
    The kernel's path has the id, and that is enough.
    """
    scene = Scene()
    scene.feed(*report(10, A, at_s=1), at_s=1)
    (event,) = scene.wait(0.01)
    assert document(event)["data"]["container"] == {"id": A, "labels": {}, "runtime": "docker"}
    assert f"container {A[:12]}:" in event.message


def test_a_death_carries_how_the_run_ended() -> None:
    """
    Code, signal, flag and times as Docker has them; 128 + 9 is also written as the signal.
    """
    event = one_death(137)
    death = document(event)["data"]["exit137"]["death"]
    assert (death["exit_code"], death["signal"], death["oom_killed_flag"], death["restart_count"]) == (137, 9, False, 2)
    assert (event.event.code, event.event.reason, event.time_ns) == ("137", "signal", ns(10))
    assert {"started_at", "finished_at"} <= death.keys()


def test_what_is_unknown_is_left_out() -> None:
    """
    Nobody inspected it: no flag is not a flag that is false.
    """
    scene = Scene()
    scene.feed(docker(DockerAction.DIE, 10), at_s=10)
    (event,) = scene.wait(2)
    assert document(event)["data"]["exit137"]["death"] == {
        "finished_at": document(event)["time"],
        "oom_kill_ids": [],
        "kernel_event_ids": [],
    }


@pytest.mark.parametrize(
    ("exit_code", "signals", "kind", "severity"),
    [(0, (), "event", 2), (137, (9,), "alert", 5), (1, (), "alert", 5), (139, (), "alert", 6)],
    ids=["exit", "docker kill", "app error", "crash"],
)
def test_only_what_needs_a_person_is_an_alert(
    exit_code: int, signals: tuple[int, ...], kind: str, severity: int
) -> None:
    """
    An orderly end is no alarm; a crash is the worst.
    """
    event = one_death(exit_code, *signals)
    assert (event.event.kind, event.event.severity) == (kind, severity)


def test_a_death_by_oom_names_its_victims() -> None:
    """
    Who reads only deaths sees the kill as well.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(*report(MAIN_PID, A, at_s=9.9), docker(DockerAction.DIE, 10, exit_code=137), at_s=10)
    event = scene.wait(2)[-1]
    oom = event.exit137.oom
    assert event.type is EventType.CONTAINER_DEATH
    assert oom is not None
    assert [(victim.pid, victim.main_process) for victim in oom.victims] == [(MAIN_PID, True)]


def test_secrets_of_a_command_line_are_masked() -> None:
    """
    Events go to chats and to mail.
    """
    process = document(one_death(1, command="server --password=hunter2 --port 80"))["data"]["process"]
    assert "hunter2" not in str(process)
    assert "--port 80" in process["command_line"]


def test_the_process_that_the_kernel_showed_is_the_main_process() -> None:
    """
    Its name and its parent are known where the processes source runs.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(exited(MAIN_PID, A, at_s=10, code=1), docker(DockerAction.DIE, 10, exit_code=1), at_s=10)
    (event,) = scene.wait(2)
    process = document(event)["data"]["process"]
    assert (process["pid"], process["name"], process["parent"]) == (
        MAIN_PID,
        "hog",
        {"pid": 1, "name": "containerd-shim"},
    )


@pytest.mark.parametrize(
    ("labels", "kind", "resource"),
    [
        ({"com.docker.swarm.service.name": "api", "com.docker.swarm.task.id": "t1"}, "swarm", "api"),
        ({"io.kubernetes.pod.name": "api-0", "io.kubernetes.pod.namespace": "shop"}, "kubernetes", "api-0"),
        (COMPOSE, "compose", "api"),
    ],
)
def test_the_orchestrator_is_read_from_labels(labels: dict[str, str], kind: str, resource: str) -> None:
    """
    Each sets its own.
    """
    orchestrator = one_kill(Scene(), labels=labels).orchestrator
    assert orchestrator is not None
    assert orchestrator.resource is not None
    assert (orchestrator.type, orchestrator.resource.name) == (kind, resource)


def test_without_such_labels_there_is_no_orchestrator() -> None:
    """
    Most containers were started by hand.
    """
    assert one_kill(Scene()).orchestrator is None


def test_labels_of_events_serve_where_nobody_inspected() -> None:
    """
    Less what Docker puts beside them.
    """
    scene = Scene()
    attributes = {"name": "box-a", "image": "i", "exitCode": "1", "execDuration": "10", "team": "shop"}
    scene.feed(docker(DockerAction.DIE, 10, exit_code=1, attributes=attributes), at_s=10)
    (event,) = scene.wait(2)
    assert event.container is not None
    assert event.container.labels == {"team": "shop"}


def test_a_name_that_no_terminal_should_see_is_shown_by_numbers() -> None:
    """
    A process may give itself any 15 bytes: line breaks, escape sequences, bytes that are no text.
    """
    scene = Scene()
    name = "a\x1b[31m\nb\udcff"
    path = scope_path(A)
    scene.feed(line(summary(10, path, comm=name), 1), line(killed(10, name), 1), at_s=1)
    (event,) = scene.wait(0.01)
    assert "\n" not in event.message
    assert "\x1b" not in event.message
    assert event.message.isprintable()


def test_a_gap_is_published_with_its_bounds() -> None:
    """
    What was lost, how many, from when to when.
    """
    scene = Scene()
    gap = GapFact(
        source="kmsg",
        what=GapKind.RECORDS_LOST,
        at_ns=ns(2),
        text="12 records are gone",
        count=12,
        from_ns=ns(1),
        to_ns=ns(2),
    )
    (event,) = scene.feed(gap)
    assert (event.type, event.subject, event.message) == (EventType.AGENT, "source/kmsg", "12 records are gone")
    gap = event.exit137.gap
    assert gap is not None
    assert (gap.count, gap.from_ns, gap.to_ns) == (12, ns(1), ns(2))


def test_a_name_that_is_no_name_stands_on_one_line() -> None:
    """
    A message is one sentence, whatever a container is called.
    """
    scene = Scene()
    scene.run(A, name="box\nroot\x1b[2J", image_name="shop\n")
    scene.feed(docker(DockerAction.DIE, 10, exit_code=3), ended(finished_s=10, exit_code=3, name="box\n"), at_s=10)
    (death,) = scene.wait(3)
    assert death.message.isprintable()


def test_a_death_says_how_long_the_run_lasted() -> None:
    """
    In the fields of ECS: start, end, and nanoseconds between them.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(docker(DockerAction.DIE, 10, exit_code=1), ended(finished_s=9.5, exit_code=1), at_s=10)
    (event,) = scene.wait(2)
    classified = document(event)["data"]["event"]
    assert (event.event.start_ns, event.event.end_ns) == (ns(0), ns(9.5))
    assert classified["duration"] == 9_500_000_000


def test_an_event_about_lost_evidence_names_the_service_of_its_container() -> None:
    """
    Whoever asks for a service finds it.
    """
    scene = Scene()
    scene.run(A, labels=COMPOSE)
    scene.feed(*report(MAIN_PID, A, at_s=2)[:2], at_s=2)
    scene.feed(line(f"Task in /docker/{A} killed as a result of limit of /docker/{A}", 2), at_s=2)
    scene.feed(line("Memory cgroup out of memory: Kill process 10 (hog) score 956 or sacrifice child", 2), at_s=2)
    (event,) = scene.wait(11)
    assert event.type is EventType.AGENT
    assert document(event)["data"]["service"] == {"name": "api", "version": "1"}
