"""
The envelope of the published event, and its form as JSON.

Every text is masked here, on the way out: an event that leaves the agent has no other way than through `encoded`.
Inside, texts are as they were seen, so that names and labels can be looked up.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache, lru_cache
from typing import Any, Final

from sinks.event.ecs import Container, EcsEvent, Host, Orchestrator, Process, Service
from sinks.event.exit137 import Exit137
from sinks.event.labels import complete_labels, searchable_labels
from sinks.event.size import fit
from sinks.event.words import EventType
from sinks.masking import mask_lines, mask_named, mask_text

FLEET_SOURCE: Final = "urn:exit137:fleet"
_NS_PER_S: Final = 1_000_000_000
# What every consumer can hold: a signed integer of 64 bits. A greater figure is not known to be true.
_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1
_OPTIONAL_FLOAT: Final = float | None
_FLOATS: Final = tuple[float, ...]
_SECONDS_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    One event. `subject` is `container/<full id>` or `process/<pid>`; `id` is the same if it is published again.
    """

    id: str
    type: EventType
    subject: str
    time_ns: int | None
    message: str
    event: EcsEvent
    host: Host
    container: Container | None = None
    orchestrator: Orchestrator | None = None
    service: Service | None = None
    process: Process | None = None
    exit137: Exit137

    @property
    def key(self) -> str:
        """
        The ordering key: events with the same key reach a sink in the order in which they were published.
        """
        return self.container.id if self.container and self.container.id else self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """
    An event as it is stored and sent, with secrets masked.

    Attributes:
        subject: what it is about.
        key: its ordering key.
        container_id: its container; None if it is about none.
        body: a structured CloudEvent as JSON on one line, without a newline.
    """

    subject: str
    key: str
    container_id: str | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """
    How a field of a dataclass is written.
    """

    name: str
    key: str
    is_time: bool
    is_float: bool
    is_floats: bool


def encoded(event: Event) -> Encoded:
    """
    Encode an event. Text that is not valid Unicode is replaced, and an event that is too large is trimmed.
    """
    return Encoded(
        subject=_text(event.subject),
        key=_text(event.key),
        container_id=_text(event.container.id) if event.container is not None and event.container.id else None,
        body=fit(document(event)),
    )


def document(event: Event) -> dict[str, Any]:
    """
    Return the event as the JSON object that the schema describes, with secrets masked.
    """
    time = rfc3339(event.time_ns) if event.time_ns is not None else None
    data = {
        "@timestamp": time,
        "message": _text(event.message),
        "event": _plain(event.event),
        "host": _plain(event.host),
        "container": _plain(event.container),
        "orchestrator": _plain(event.orchestrator),
        "service": _plain(event.service),
        "process": _plain(event.process),
        "exit137": _plain(event.exit137),
    }
    if event.container is not None:
        masked = data["container"]["labels"]
        data["container"]["labels"] = searchable_labels(masked)
        data["exit137"]["labels"] = complete_labels(masked)
    envelope = {
        "specversion": "1.0",
        "id": event.id,
        "source": _source(event),
        "type": event.type.value,
        "subject": _text(event.subject),
        "time": time,
        "datacontenttype": "application/json",
        "data": {key: value for key, value in data.items() if value is not None},
    }
    return {key: value for key, value in envelope.items() if value is not None}


def _source(event: Event) -> str:
    """
    Return who made the event: the agent of a host, or whoever watches the fleet, also where one host is affected.
    """
    if event.type is EventType.FLEET_INCIDENT:
        return FLEET_SOURCE
    return _text(f"urn:exit137:host:{event.host.id or 'unknown'}")


def to_json(event: Event) -> bytes:
    """
    Encode an event as a structured CloudEvent on one line, without a newline; see `encoded`.
    """
    return encoded(event).body


def rfc3339(time_ns: int) -> str:
    """
    Format a time in UTC with microseconds: `2026-11-22T03:17:04.118203Z`.
    """
    seconds, rest_ns = divmod(time_ns, _NS_PER_S)
    return f"{_second(seconds)}.{rest_ns // 1000:06}Z"


@lru_cache(_SECONDS_REMEMBERED)
def _second(seconds: int) -> str:
    """
    Format a second, of which the times of an event share a few.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").removesuffix("+00:00")


def _plain(value: Any) -> Any:  # noqa: ANN401 (JSON has seven kinds of value)
    return _writer(value.__class__)(value)


@cache
def _writer(kind: type) -> Callable[[Any], Any]:
    """
    Return what writes the values of a class. The tests take longer than writing most values, so each class is tested
    once.
    """
    if issubclass(kind, Enum):
        return _value_of_enum
    if issubclass(kind, str):
        return _text
    if is_dataclass(kind):
        return _object
    if issubclass(kind, Mapping):
        return _mapping
    return _list if issubclass(kind, tuple | list) else _as_it_is


def _value_of_enum(value: Enum) -> object:
    return value.value


def _mapping(value: Mapping[object, object]) -> dict[str, Any]:
    return {_text(str(key)): _named(str(key), item) for key, item in value.items()}


def _as_it_is(value: object) -> object:
    return value


def _list(items: Sequence[object]) -> list[Any]:
    """
    Return the entries of a list; texts are masked as the lines of one text, because a key has several lines.
    """
    lines = [_unicode(item) for item in items if isinstance(item, str) and not isinstance(item, Enum)]
    return mask_lines(lines) if len(lines) == len(items) > 1 else [_plain(item) for item in items]


def _named(name: str, value: object) -> Any:  # noqa: ANN401 (JSON)
    return mask_named(_unicode(name), _unicode(value)) if isinstance(value, str) else _plain(value)


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401 (any of the dataclasses above)
    plain: dict[str, Any] = {}
    for form in _forms(value.__class__):
        content = getattr(value, form.name)
        if content is None or _is_unknown(content):
            continue
        if form.is_time:
            plain[form.key] = rfc3339(content)
        elif form.is_float:
            plain[form.key] = float(content)
        elif form.is_floats:
            plain[form.key] = [float(entry) for entry in content]
        else:
            plain[form.key] = _plain(content)
    return plain


@cache
def _forms(kind: Any) -> tuple[_Form, ...]:  # noqa: ANN401 (any of the dataclasses above)
    """
    Return the fields of a dataclass. They never change, and looking them up takes longer than encoding them.
    """
    return tuple(
        _Form(
            name=item.name,
            key=item.name.removesuffix("_ns"),
            is_time=item.name.endswith("_ns"),
            is_float=item.type in (float, _OPTIONAL_FLOAT),
            is_floats=item.type == _FLOATS,
        )
        for item in fields(kind)
    )


def _is_unknown(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and not _INT_MIN <= value <= _INT_MAX


def _text(text: str) -> str:
    return mask_text(_unicode(text))


def _unicode(text: str) -> str:
    """
    Replace surrogates, which JSON cannot carry, by U+FFFD; bytes that are not UTF-8 are kept as surrogates until here.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
