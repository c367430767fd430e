"""
An event as a document, and back: the fields of the event as the sink `opensearch` writes them, and below `hub` what the
hub reads.

Only `hub` decides what is found, and its fields have types that no sender can change.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from collector.store import PastEvent, StoredEvent
from collector.store.fields import NAME_CHARACTERS, fields_of
from sinks.base import Outgoing
from sinks.formats import Format
from sinks.opensearch.documents import indexed_document

# The longest `_id`; the id of an event may be longer.
_ID_BYTES: Final = 512
_DAY_NS: Final = 86_400_000_000_000
_NS_PER_MS: Final = 1_000_000
# A `long` of the engine; times beyond have no meaning.
_LONGEST_NS: Final = 2**63 - 1
_HUB: Final = "hub"
# What a page needs of a document.
READ: Final = [f"{_HUB}.{name}" for name in ("id", "type", "subject", "container_id", "time_ns", "body")]


def document_id(id_: str) -> str:
    """
    Return the `_id` of the document of an event: the event's id, or its hash where that is too long.
    """
    encoded = id_.encode("utf-8", "surrogatepass")
    return id_ if len(encoded) <= _ID_BYTES else f"sha256-{hashlib.sha256(encoded).hexdigest()}"


def document_of(event: StoredEvent, now_ns: int) -> dict[str, Any]:
    """
    Return the document of an event.

    Args:
        event: the event.
        now_ns: when it is stored, nanoseconds since 1970.
    """
    outgoing = Outgoing(id=event.id, type=event.type, key=event.key, body=event.body)
    shown = indexed_document(outgoing, Format.ECS, datetime.fromtimestamp(now_ns / 1e9, UTC))
    return {**shown, _HUB: _hub_fields(event, now_ns)}


def plain_document_of(event: StoredEvent, now_ns: int) -> dict[str, Any]:
    """
    Return the document of an event whose own fields the mapping refuses: only what the hub reads.
    """
    return {_HUB: _hub_fields(event, now_ns)}


def past_event(hit: Mapping[str, Any]) -> PastEvent:
    """
    Return the event of a hit of a search, or of a document that was asked for by its id.
    """
    found = hit["_source"][_HUB]
    return PastEvent(
        seq=int(hit["_seq_no"]) + 1,
        id=found["id"],
        type=found["type"],
        subject=found["subject"],
        container_id=found.get("container_id"),
        time_ns=found["time_ns"],
        body=found["body"].encode(),
    )


def source_of(body: bytes) -> str:
    """
    Return the `source` of an event; empty if it has none.
    """
    envelope = orjson.loads(body)
    source = envelope.get("source") if isinstance(envelope, dict) else None
    return source if isinstance(source, str) else ""


def _hub_fields(event: StoredEvent, now_ns: int) -> dict[str, Any]:
    time_ns = now_ns if event.time_ns is None else max(-_LONGEST_NS, min(event.time_ns, _LONGEST_NS))
    cause, name, service, image, host, message = fields_of(event.body)
    fields = {
        "id": event.id,
        "type": event.type,
        "subject": event.subject,
        "source": source_of(event.body),
        "time_ns": time_ns,
        "day": time_ns // _DAY_NS,
        "stored_ms": now_ns // _NS_PER_MS,
        "container_id": event.container_id[:NAME_CHARACTERS] if event.container_id is not None else None,
        "cause": cause,
        "container_name": name,
        "service": service,
        "image": image,
        "host": host,
        "message": message,
        "body": event.body.decode(),
    }
    return {key: value for key, value in fields.items() if value is not None}
