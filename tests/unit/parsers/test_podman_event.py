"""
Tests of the events that Podman writes into the journal.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.docker_event import DockerAction, DockerEvent
from parsers.engine import ContainerEngine, EngineName
from parsers.journal import JournalEntry, parse_entry
from parsers.podman_event import PODMAN_EVENTS, parse_podman_event

RECORDED = Path(__file__).parent / "recorded/podman-5.4-journal.jsonl"
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
