"""
Messages of Docker's event stream.
"""

import json
from typing import Any

import pytest

from parsers.docker_event import DockerAction, DockerEvent, parse_event
from parsers.errors import ParseError

ID = "4e1d" * 16


def _message(action: str, **attributes: str) -> dict[str, Any]:
    return {
        "Type": "container",
        "Action": action,
        "Actor": {"ID": ID, "Attributes": {"image": "web:1", "name": "web-1", **attributes}},
        "scope": "local",
        "time": 1795337599,
        "timeNano": 1795337599495768730,
    }


def _event(action: str, **attributes: str) -> DockerEvent:
    event = parse_event(_message(action, **attributes))
    assert event is not None
    return event


def test_who_and_when() -> None:
    """
    An event has its container and the engine's time; a line of the stream gives the same as its decoded form.
    """
    event = _event("start")
    assert (event.action, event.container_id, event.name, event.image) == (
        DockerAction.START,
        ID,
        "web-1",
        "web:1",
    )
    assert event.time_ns == 1795337599495768730
    assert parse_event(json.dumps(_message("start")).encode()) == event


def test_seconds_serve_where_nanoseconds_are_missing() -> None:
    """
    The time in seconds is used if an old engine sends no nanoseconds.
    """
    message = _message("start")
    del message["timeNano"]
    event = parse_event(message)
    assert event is not None
    assert event.time_ns == 1795337599 * 10**9


def test_die_carries_the_exit_code_and_kill_the_signal() -> None:
    """
    The exit code of `die` and the signal of `kill` are read from strings.
    """
    assert _event("die", exitCode="137").exit_code == 137
    assert _event("kill", signal="15").signal == 15


def test_labels_are_kept_among_the_attributes() -> None:
    """
    All attributes are kept, because the engine mixes labels with its own and a label can forge a value.
    """
    event = _event("die", exitCode="not a number", team="blue")
    assert event.exit_code is None
    assert event.attributes["team"] == "blue"


def test_exec_actions_carry_a_command() -> None:
    """
    The command is in the action, after the first colon.
    """
    event = _event("exec_start: /bin/sh -c echo a: b", execID="e1")
    assert (event.action, event.exec_command, event.exec_id) == (
        DockerAction.EXEC_START,
        "/bin/sh -c echo a: b",
        "e1",
    )


def test_health_is_in_the_action() -> None:
    """
    The state of `health_status: unhealthy` is in the action.
    """
    event = _event("health_status: unhealthy")
    assert (event.action, event.health) == (DockerAction.HEALTH_STATUS, "unhealthy")


@pytest.mark.parametrize(
    ("podman", "action"),
    [("died", DockerAction.DIE), ("remove", DockerAction.DESTROY), ("exec_died", DockerAction.EXEC_DIE)],
)
def test_names_of_podman(podman: str, action: DockerAction) -> None:
    """
    podman's words for an action give the same action.
    """
    assert _event(podman).action is action
    assert _event(podman, containerExitCode="137").exit_code == 137


def test_unknown_action_is_other() -> None:
    """
    An action that is not known today gives OTHER.
    """
    assert _event("teleport").action is DockerAction.OTHER


def test_other_objects_are_ignored() -> None:
    """
    Events of networks, images and volumes give None.
    """
    assert parse_event({**_message("connect"), "Type": "network"}) is None


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"Type": "container", "time": ' + b"9" * 5000 + b"}",
        b'{"Type": "container", "Action": "die", "Actor": null, "time": 1}',
        b'{"Type": "container", "Action": "die", "Actor": {"ID": "a"}}',
    ],
)
def test_garbage_is_a_parse_error(message: bytes) -> None:
    """
    A message that is not an event raises only ParseError.
    """
    with pytest.raises(ParseError):
        parse_event(message)
