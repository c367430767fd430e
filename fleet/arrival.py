"""
An event of an agent as it arrives: checked, and in the form in which it is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import orjson

from collector.store import StoredEvent
from sinks.event import EventType
from sinks.event.reader import time_ns

HOST_SOURCE: Final = "urn:exit137:host:"
_SPEC_VERSION: Final = "1.0"
_LONGEST_TEXT: Final = 512
# Around an event that is written anew, such as one in a document of a cluster. Writing takes fewer levels than reading.
_SPARE_LEVELS: Final = 8
# What an agent says. An incident of the fleet is for the hub to find.
_TYPES: Final = frozenset(kind.value for kind in EventType if kind is not EventType.FLEET_INCIDENT)


class RefusedEventError(ValueError):
    """
    Raised when a text is not an event of an agent; sending it again does not help.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """
    One event.

    Attributes:
        host_id: the host that it says it comes from.
        document: the CloudEvent.
        stored: the same as the store takes it; it goes to no sink.
    """

    host_id: str
    document: Mapping[str, Any]
    stored: StoredEvent

    @property
    def id(self) -> str:
        """
        The event's id.
        """
        return self.stored.id

    @property
    def source(self) -> str:
        """
        The host as the CloudEvent names it.
        """
        return HOST_SOURCE + self.host_id

    def renamed(self) -> "Arrival":
        """
        Return the event with an id of its own, for one whose id another host has used; the same event gets the same.
        """
        return arrival({**self.document, "id": str(uuid5(NAMESPACE_URL, f"{self.source}/{self.id}"))})


def arrivals(body: bytes) -> list[Arrival]:
    """
    Parse one structured CloudEvent, or a JSON array of them (CloudEvents JSON format 1.0, sections 3 and 4).

    Raises:
        RefusedEventError: the text is neither, or an event is not one of an agent.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RefusedEventError("the body is not JSON") from error
    if isinstance(content, list):
        return [arrival(item) for item in content]
    return [arrival(content, body)]


def arrival(document: object, body: bytes | None = None) -> Arrival:
    """
    Check one event.

    Args:
        document: the CloudEvent.
        body: its text, if it is known.

    Raises:
        RefusedEventError: it is not an event of an agent.
    """
    if not isinstance(document, dict) or document.get("specversion") != _SPEC_VERSION:
        raise RefusedEventError("expected a CloudEvent 1.0")
    id_, source, type_ = (_text(document, name) for name in ("id", "source", "type"))
    host_id = source.removeprefix(HOST_SOURCE)
    if host_id == source or not host_id:
        raise RefusedEventError(f"expected a source that begins with {HOST_SOURCE}")
    data = document.get("data")
    if type_ not in _TYPES or not isinstance(data, dict):
        raise RefusedEventError("expected an event of an agent")
    host = data.get("host")
    if isinstance(host, dict) and host.get("id", host_id) != host_id:
        raise RefusedEventError("expected the host of `source` in `host.id`")
    _check_depth(document)
    subject = document.get("subject")
    subject = subject if isinstance(subject, str) and subject else f"host/{host_id}"
    container = data.get("container")
    container_id = container.get("id") if isinstance(container, dict) else None
    stamp = document.get("time")
    stored = StoredEvent(
        id=id_,
        type=type_,
        subject=subject[:_LONGEST_TEXT],
        key=subject[:_LONGEST_TEXT],
        time_ns=time_ns(stamp) if isinstance(stamp, str) else None,
        container_id=container_id if isinstance(container_id, str) else None,
        body=body if body is not None else orjson.dumps(document),
        sinks=(),
    )
    return Arrival(host_id=host_id, document=document, stored=stored)


def _check_depth(document: object) -> None:
    """
    Refuse an event that can be read, but is nested too deeply to be written again: it would stop the intake.
    """
    for _ in range(_SPARE_LEVELS):
        document = [document]
    try:
        orjson.dumps(document)
    except TypeError as error:
        raise RefusedEventError("the event is nested too deeply") from error


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT:
        raise RefusedEventError(f"{name}: expected a text of at most {_LONGEST_TEXT} characters")
    return value
