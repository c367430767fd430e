"""
Renders an event in the format that a sink is configured for.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.metadata import version
from typing import Any, Final, assert_never

import orjson

from sinks.base import Outgoing
from sinks.formats.ecs import ecs_document
from sinks.formats.ocsf import ocsf_document

_UNKNOWN_HOST: Final = "urn:exit137:host:unknown"


class Format(StrEnum):
    """
    The form in which a sink for programs sends an event.
    """

    CLOUDEVENTS = "cloudevents"
    ECS = "ecs"
    OCSF = "ocsf"


def rendered(event: Outgoing, form: Format, now: datetime) -> bytes:
    """
    Encode an event as JSON on one line, without a newline.

    Args:
        event: the event.
        form: the format; a CloudEvent is sent byte for byte as it is stored.
        now: the wall clock, for an event without a time in a format that demands one.
    """
    if form is Format.CLOUDEVENTS:
        return event.body
    return orjson.dumps(document_of(event, envelope_of(event), form, now))


def document_of(event: Outgoing, envelope: Mapping[str, Any], form: Format, now: datetime) -> dict[str, Any]:
    """
    Return an event as a JSON object.

    Args:
        event: the event.
        envelope: what `envelope_of` returns for it.
        form: the format.
        now: the wall clock, as for `rendered`.
    """
    match form:
        case Format.CLOUDEVENTS:
            return dict(envelope)
        case Format.ECS:
            return ecs_document(event.id, envelope)
        case Format.OCSF:
            return ocsf_document(event.id, event.type, envelope, version=_version(), now=now)
        case _:
            assert_never(form)


def envelope_of(event: Outgoing) -> dict[str, Any]:
    """
    Parse a stored event. A body that is not an event becomes a message: an error would block all later events.
    """
    try:
        envelope = orjson.loads(event.body)
    except ValueError:
        envelope = None
    if isinstance(envelope, dict) and isinstance(envelope.get("data"), dict):
        return envelope
    data = {"message": event.body.decode(errors="replace")}
    return {"specversion": "1.0", "id": event.id, "source": _UNKNOWN_HOST, "type": event.type, "data": data}


@cache
def _version() -> str:
    return version("exit137")
