"""
Tests of the events that Podman writes into the journal, and into a file.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.docker_event import DockerAction, DockerEvent
from parsers.engine import ContainerEngine, EngineName
from parsers.errors import ParseError
from parsers.journal import JournalEntry, parse_entry
from parsers.podman_event import PODMAN_EVENTS, command_of, parse_podman_event, parse_podman_line

RECORDED = Path(__file__).parent / "recorded/podman-5.4-journal.jsonl"
LINES = (Path(__file__).parent / "recorded/podman-5.4-events.jsonl").read_bytes().splitlines()
ROOTS = ContainerEngine(name=EngineName.PODMAN, uid=0)
ENTRIES: list[dict[str, Any]] = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
DIED = next(entry for entry in ENTRIES if entry["PODMAN_EVENT"] == "died" and entry["PODMAN_NAME"] == "killed")


def event_of(fields: dict[str, Any]) -> DockerEvent | None:
    return parse_podman_event(parse_entry(fields))


def test_a_death_has_its_code_and_its_engine() -> None:
    """
    The event of a container of root, as Podman 5.4 wrote it.
    """
    event = event_of(DIED)
    assert event is not None
    assert (event.action, event.exit_code, event.name) == (DockerAction.DIE, 137, "killed")
    assert event.engine == ContainerEngine(name=EngineName.PODMAN, uid=0)
    assert event.time_ns == 1_796_004_790_303_437_200


def test_podman_4_leaves_out_a_code_of_0() -> None:
    """
    In the journal as in its file.
    """
    event = event_of({name: value for name, value in DIED.items() if name != "PODMAN_EXIT_CODE"})
    assert event is not None
    assert event.exit_code == 0


@pytest.mark.parametrize(
    ("command_line", "command"),
    [
        ("podman stop -t 1 box", "stop"),
        ("/usr/bin/podman rm -v -f -i --cidfile=/run/web.cid", "rm"),
        ("podman pod stop shop", "pod stop"),
        ("podman container cleanup 4e1d", "container cleanup"),
        ("podman --root stop kill box", None),
        ("/usr/bin/podman --root /x container cleanup 4e1d", None),
        ("docker stop box", None),
        ("podman", None),
        ("", None),
        (None, None),
    ],
)
def test_the_command_of_a_writer(command_line: str | None, command: str | None) -> None:
    """
    An option before the command may have a value that looks like one.
    """
    assert command_of(command_line) == command


@given(st.text())
def test_any_command_line_gives_a_command_or_none(command_line: str) -> None:
    command = command_of(command_line)
    assert command is None or command


def test_an_event_of_the_journal_has_the_command_that_wrote_it() -> None:
    event = event_of(DIED)
    assert event is not None
    assert event.command == "kill"


def test_a_container_of_a_user_is_that_users() -> None:
    """
    journald takes the user from the socket.
    """
    engines = {event.engine.uid for entry in ENTRIES if (event := event_of(entry)) is not None and event.engine}
    assert engines == {0, 1000}


def test_labels_and_unknown_codes() -> None:
    """
    Labels come as JSON; -1 stands for a code that Podman does not know.
    """
    died = next(entry for entry in ENTRIES if entry["PODMAN_EVENT"] == "died" and entry["PODMAN_NAME"] == "quadstub")
    event = event_of(died)
    assert event is not None
    assert event.attributes["PODMAN_SYSTEMD_UNIT"] == "quadstub.service"
    assert event.exit_code is None


@pytest.mark.parametrize(
    "fields",
    [
        {"_SYSTEMD_CGROUP": f"/machine.slice/libpod-{'d' * 64}.scope/container"},
        {"_SYSTEMD_CGROUP": None},
        {"_UID": None},
        {"_TRANSPORT": "stdout"},
        {"PODMAN_TYPE": "pod"},
        {"PODMAN_ID": "short"},
    ],
    ids=["root in a container", "cgroup unknown", "user unknown", "standard output", "a pod", "no id"],
)
def test_what_nobody_vouches_for_is_nothing(fields: dict[str, str | None]) -> None:
    """
    Root in a container may have the journal's socket, and anyone may print such a text.
    """
    assert event_of({key: value for key, value in (DIED | fields).items() if value is not None}) is None


@given(st.dictionaries(st.sampled_from(["ID", "EVENT", "TYPE", "TIME", "LABELS", "EXIT_CODE"]), st.text()))
def test_any_fields_give_an_event_or_nothing(fields: dict[str, str]) -> None:
    """
    No text in the fields raises.
    """
    usual = {"TYPE": "container", "EVENT": PODMAN_EVENTS[0], "ID": "a" * 64}
    entry = JournalEntry(
        message="", transport="journal", uid=0, cgroup="/system.slice/x.service", podman=usual | fields
    )
    event = parse_podman_event(entry)
    assert event is None or event.engine is not None


def test_lines_of_a_file_are_the_same_events() -> None:
    """
    As Podman 5.4 wrote them for a container that ended with 3; images, and actions that say nothing, are left out.
    """
    events = [event for line in LINES if (event := parse_podman_line(line, ROOTS)) is not None]
    of_one = [event for event in events if event.name == "filed"]
    assert [event.action.value for event in of_one] == ["create", "start", "die", "cleanup"]
    died = of_one[2]
    assert (died.exit_code, died.image, died.engine) == (3, "localhost/box:latest", ROOTS)
    assert died.attributes["team"] == "shop"
    assert died.time_ns == 1_796_024_902_194_413_413


@pytest.mark.parametrize(
    ("fields", "exit_code"),
    [({}, 0), ({"ContainerExitCode": 137}, 137), ({"ContainerExitCode": -1}, None), ({"Status": "start"}, None)],
    ids=["left out by Podman 4", "stated", "unknown to Podman", "not an end"],
)
def test_the_exit_code_of_a_line(fields: dict[str, Any], exit_code: int | None) -> None:
    usual = {"ID": "a" * 64, "Status": "died", "Time": "2026-11-30T07:48:22Z", "Type": "container"}
    event = parse_podman_line(json.dumps(usual | fields).encode(), ROOTS)
    assert event is not None
    assert event.exit_code == exit_code


def test_a_label_does_not_replace_the_name() -> None:
    """
    Labels and the event's own fields are apart in the file.
    """
    fields = {"ID": "a" * 64, "Name": "box", "Status": "start", "Time": "2026-11-30T07:48:22Z", "Type": "container"}
    event = parse_podman_line(json.dumps(fields | {"Attributes": {"name": "other"}}).encode(), ROOTS)
    assert event is not None
    assert event.name == "box"


LIKE: dict[str, Any] = json.loads(LINES[1])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
_FIELDS = st.sampled_from(["ID", "Name", "Status", "Type", "Time", "Attributes", "ContainerExitCode", "PodID", "Image"])


@given(st.dictionaries(_FIELDS, _JSON).map(lambda fields: json.dumps(LIKE | fields).encode()) | st.binary())
def test_any_line_gives_an_event_nothing_or_a_parse_error(line: bytes) -> None:
    """
    No content of the file raises anything else.
    """
    try:
        event = parse_podman_line(line, ROOTS)
    except ParseError:
        return
    assert event is None or event.engine == ROOTS
