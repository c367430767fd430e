"""
Events as Kafka records: CloudEvents (Kafka binding 1.0), or plain JSON in another format; records as batches.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from sinks.base import Outgoing
from sinks.formats import Format, envelope_of, rendered
from sinks.kafka.config import Mode

_STRUCTURED: Final = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
_PLAIN: Final = (("content-type", b"application/json"),)
# Upper bounds of the format's overhead (Kafka protocol, "Record Batch"): lengths and deltas are varints.
_BATCH_BYTES: Final = 61
_RECORD_BYTES: Final = 24
_HEADER_BYTES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """
    One event, ready to be written.

    Attributes:
        id: the id of the event.
        key: decides the partition.
        value: `data` of a CloudEvent in binary mode, else the whole event.
        headers: names and values, in order.
        size_bytes: an upper bound of its size in a batch before compression.
    """

    id: str
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    size_bytes: int


def record(event: Outgoing, form: Format, mode: Mode, now: datetime) -> Record:
    """
    Encode an event.

    Args:
        event: the event.
        form: its format.
        mode: the mode of a CloudEvent; other formats have none.
        now: the wall clock, as for `rendered`.
    """
    match form, mode:
        case Format.CLOUDEVENTS, Mode.BINARY:
            value, headers = _binary(event)
        case Format.CLOUDEVENTS, Mode.STRUCTURED:
            value, headers = event.body, _STRUCTURED
        case _:
            value, headers = rendered(event, form, now), _PLAIN
    key = event.key.encode()
    size_bytes = _RECORD_BYTES + len(key) + len(value)
    size_bytes += sum(_HEADER_BYTES + len(name) + len(text) for name, text in headers)
    return Record(id=event.id, key=key, value=value, headers=headers, size_bytes=size_bytes)


def batches(records: Sequence[Record], max_bytes: int, max_records: int = sys.maxsize) -> Iterator[list[Record]]:
    """
    Split records into batches, in order; a record that is too large has a batch of its own.
    """
    batch: list[Record] = []
    size_bytes = _BATCH_BYTES
    for item in records:
        if batch and (size_bytes + item.size_bytes > max_bytes or len(batch) >= max_records):
            yield batch
            batch, size_bytes = [], _BATCH_BYTES
        batch.append(item)
        size_bytes += item.size_bytes
    if batch:
        yield batch


def _binary(event: Outgoing) -> tuple[bytes, Sequence[tuple[str, bytes]]]:
    """
    Split an event: `data` becomes the value, every other attribute a header.
    """
    envelope = envelope_of(event)
    value = orjson.dumps(envelope.pop("data", None))
    content_type = envelope.pop("datacontenttype", "application/json")
    headers = [(f"ce_{name}", str(text).encode()) for name, text in envelope.items()]
    return value, (*headers, ("content-type", content_type.encode()))
