"""
The envelope of the published event, and its form as JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from sinks.event.ecs import Container, EcsEvent, Host, Orchestrator, Process
from sinks.event.exit137 import Exit137
from sinks.event.size import fit
from sinks.event.words import EventType

_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    One event. `subject` is `container/<full id>` or `process/<pid>`; `id` is the same however often it is told.
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
    process: Process | None = None
    exit137: Exit137

    @property
    def key(self) -> str:
        """
        What orders events among themselves: all with the same key reach a sink in the order of their making.
        """
        return self.container.id if self.container and self.container.id else self.subject


def document(event: Event) -> dict[str, Any]:
    """
    The event as the JSON object that the schema describes.
    """
    time = rfc3339(event.time_ns) if event.time_ns is not None else None
    data = {
        "@timestamp": time,
        "message": _unicode(event.message),
        "event": _plain(event.event),
        "host": _plain(event.host),
        "container": _plain(event.container),
        "orchestrator": _plain(event.orchestrator),
        "process": _plain(event.process),
        "exit137": _plain(event.exit137),
    }
    envelope = {
        "specversion": "1.0",
        "id": event.id,
        "source": _unicode(f"urn:exit137:host:{event.host.id or 'unknown'}"),
        "type": event.type.value,
        "subject": _unicode(event.subject),
        "time": time,
        "datacontenttype": "application/json",
        "data": {key: value for key, value in data.items() if value is not None},
    }
    return {key: value for key, value in envelope.items() if value is not None}


def to_json(event: Event) -> bytes:
    """
    The event as one structured CloudEvent, one line, no newline at its end; text that is not Unicode is replaced, and
    what is too large is trimmed.
    """
    return fit(document(event))


def rfc3339(time_ns: int) -> str:
    """
    A time of the wall clock in UTC with microseconds, as in `2026-11-22T03:17:04.118203Z`.
    """
    seconds, rest_ns = divmod(time_ns, _NS_PER_S)
    stamp = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest_ns // 1000)
    return stamp.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _plain(value: object) -> Any:  # noqa: ANN401 (JSON has seven kinds of value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return _unicode(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _object(value)
    if isinstance(value, Mapping):
        return {_unicode(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401 (any of the dataclasses above)
    plain: dict[str, Any] = {}
    for item in fields(value):
        content = getattr(value, item.name)
        if content is None:
            continue
        if item.name.endswith("_ns"):
            plain[item.name.removesuffix("_ns")] = rfc3339(content)
        else:
            plain[item.name] = _plain(content)
    return plain


def _unicode(text: str) -> str:
    """
    Text that JSON can carry: what is no character (bytes that were not UTF-8 are kept as surrogates) becomes U+FFFD.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
