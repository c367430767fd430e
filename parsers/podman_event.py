"""
Parse what Podman writes into the journal, its default place for events: it needs no service that listens at a socket.

The fields are those of libpod/events/journal_linux.go (Podman 4 and 5). journald vouches for the user and the cgroup of
the process that wrote them: every command of Podman writes its own events.
"""

import json
from collections.abc import Mapping
from typing import Final

from parsers.cgroup_path import container_of
from parsers.docker_event import DockerEvent, parse_event
from parsers.engine import ContainerEngine, EngineName
from parsers.errors import ParseError
from parsers.journal import JournalEntry
from parsers.untyped import text_map_of, time_ns_of

# The actions that are read, as values of PODMAN_EVENT.
PODMAN_EVENTS: Final = ("create", "start", "kill", "died", "stop", "restart", "remove", "cleanup")
_TRANSPORT: Final = "journal"
_ID_LENGTH: Final = 64


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
    return _event(fields, engine, time_ns_of(fields.get("TIME")) or entry.at_ns)


def _event(fields: Mapping[str, str], engine: ContainerEngine, time_ns: int | None) -> DockerEvent | None:
    container_id = fields.get("ID", "")
    if len(container_id) != _ID_LENGTH or not container_id.isalnum() or time_ns is None:
        return None
    own = {"NAME": "name", "IMAGE": "image", "EXIT_CODE": "containerExitCode", "POD_ID": "podId"}
    attributes = _labels(fields) | {name: fields[key] for key, name in own.items() if fields.get(key)}
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
