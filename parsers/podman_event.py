"""
Parse what Podman writes about events into the journal or into a file: neither needs a service that listens at a socket.

The journal is Podman's default. The fields are those of libpod/events/journal_linux.go (Podman 4 and 5). journald
vouches for the user and the cgroup of the process that wrote them: every command of Podman writes its own events.

With `events_logger = "file"`, and where there is no journal, each event is a line of JSON (libpod/events/config.go):

    {"ContainerExitCode":3,"ID":"74d…","Image":"localhost/box","Name":"box","Status":"died","Time":"…","Type":"container",
     "Attributes":{"team":"shop"}}
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from parsers.cgroup_path import container_of
from parsers.docker_event import DockerEvent, parse_event
from parsers.engine import ContainerEngine, EngineName
from parsers.errors import ParseError
from parsers.journal import JournalEntry
from parsers.untyped import decoded, fields_of, int_of, text_map_of, text_of, time_ns_of

# The actions that are read, as values of PODMAN_EVENT.
PODMAN_EVENTS: Final = ("create", "start", "kill", "died", "stop", "restart", "remove", "cleanup")
_TRANSPORT: Final = "journal"
_ID_LENGTH: Final = 64
# `podman container stop` is `podman stop`; a pod is stopped with all its containers.
_GROUPS: Final = frozenset({"pod", "container"})
_WORDS: Final = 3
_DIED: Final = "died"
_EXPECTED: Final = "a line of Podman's file of events"


def parse_podman_event(entry: JournalEntry) -> DockerEvent | None:
    """
    Return the event of a container that an entry states; None for other entries, and for what nobody vouches for.

    Root in a container may have the journal's socket: a writer in a container, or in no known cgroup, is not believed.
    """
    fields = entry.podman
    if fields is None or fields.get("TYPE") != "container" or fields.get("EVENT") not in PODMAN_EVENTS:
        return None
    if entry.transport != _TRANSPORT or entry.uid is None or entry.cgroup is None:
        return None
    if container_of(entry.cgroup) is not None:
        return None
    engine = ContainerEngine(name=EngineName.PODMAN, uid=entry.uid)
    if fields["EVENT"] == _DIED:
        fields = {"EXIT_CODE": "0", **fields}  # Podman 4 leaves out a code of 0
    event = _event(fields, _labels(fields), engine, time_ns_of(fields.get("TIME")) or entry.at_ns)
    if event is None:
        return None
    return replace(event, is_vouched=True, command=command_of(entry.command_line))


def command_of(command_line: str | None) -> str | None:
    """
    Return which command of Podman a command line is: `stop`, `pod stop`; None where an option stands before it, which
    may have a value.
    """
    program, *words = (command_line or "").split()[:_WORDS] or [""]
    if program.rpartition("/")[2] != "podman" or not words or words[0].startswith("-"):
        return None
    return " ".join(words[:2]) if words[0] in _GROUPS else words[0]


def parse_podman_line(line: bytes, engine: ContainerEngine) -> DockerEvent | None:
    """
    Return the event of a container that a line of Podman's file states; None for events of other things.

    Podman 4 leaves out an exit code of 0, as in the journal; Podman 5 never does. Only the owner of the file can write
    into it, who vouches for its engine.

    Args:
        line: the line.
        engine: the engine whose file it is.

    Raises:
        ParseError: the line is not an event.
    """
    found = fields_of(decoded(line, _EXPECTED))
    kind, action = text_of(found.get("Type")), text_of(found.get("Status"))
    if kind is None or action is None:
        raise ParseError(_EXPECTED, str(list(found)))
    if kind != "container" or action not in PODMAN_EVENTS:
        return None
    exit_code = int_of(found.get("ContainerExitCode", 0)) if action == _DIED else None
    texts = {"ID": "ID", "Name": "NAME", "Image": "IMAGE", "PodID": "POD_ID"}
    fields = {name: text for key, name in texts.items() if (text := text_of(found.get(key))) is not None}
    fields |= {"EVENT": action} | ({"EXIT_CODE": str(exit_code)} if exit_code is not None else {})
    event = _event(fields, text_map_of(found.get("Attributes")), engine, time_ns_of(found.get("Time")))
    return replace(event, is_vouched=True) if event is not None else None


def _event(
    fields: Mapping[str, str], labels: Mapping[str, str], engine: ContainerEngine, time_ns: int | None
) -> DockerEvent | None:
    container_id = fields.get("ID", "")
    if len(container_id) != _ID_LENGTH or not container_id.isalnum() or time_ns is None:
        return None
    own = {"NAME": "name", "IMAGE": "image", "EXIT_CODE": "containerExitCode", "POD_ID": "podId"}
    attributes = {**labels, **{name: fields[key] for key, name in own.items() if fields.get(key)}}
    message = {
        "Type": "container",
        "Action": fields["EVENT"],
        "Actor": {"ID": container_id, "Attributes": attributes},
        "timeNano": time_ns,
    }
    try:
        event = parse_event(message, engine)
    except ParseError:
        return None
    return event


def _labels(fields: Mapping[str, str]) -> dict[str, str]:
    """
    Return the labels of the container, which Podman writes as a JSON object.
    """
    try:
        return text_map_of(json.loads(fields.get("LABELS", "{}")))
    except (ValueError, RecursionError):
        return {}
