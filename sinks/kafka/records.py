"""
An event as a Kafka record (CloudEvents Kafka binding 1.0), and records as batches.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

import orjson

from sinks.base import Outgoing
from sinks.kafka.config import Mode

_STRUCTURED: Final = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
# Upper bounds of what the format adds (Kafka protocol, "Record Batch"): lengths and deltas are varints.
_BATCH_BYTES: Final = 61
_RECORD_BYTES: Final = 24
_HEADER_BYTES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """
    One event, ready to be written.

    Attributes:
        id: the event's.
        key: decides its partition.
        value: the document in binary mode, else the whole event.
        headers: in this order.
        size_bytes: in a batch, at the most, before it is compressed.
    """

    id: str
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    size_bytes: int


def record(event: Outgoing, mode: Mode) -> Record:
    """
    The record of an event.
    """
    match mode:
        case Mode.BINARY:
            value, headers = _binary(event.body)
        case Mode.STRUCTURED:
            value, headers = event.body, _STRUCTURED
        case _:
            assert_never(mode)
    key = event.key.encode()
    size_bytes = _RECORD_BYTES + len(key) + len(value)
    size_bytes += sum(_HEADER_BYTES + len(name) + len(text) for name, text in headers)
    return Record(id=event.id, key=key, value=value, headers=headers, size_bytes=size_bytes)


def batches(records: Sequence[Record], max_bytes: int, max_records: int = sys.maxsize) -> Iterator[list[Record]]:
    """
    The same records in the same order, as many together as fit; one that is larger stands alone.
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


def _binary(body: bytes) -> tuple[bytes, Sequence[tuple[str, bytes]]]:
    """
    `data` is the value, every other attribute a header.
    """
    envelope = orjson.loads(body)
    value = orjson.dumps(envelope.pop("data", None))
    content_type = envelope.pop("datacontenttype", "application/json")
    headers = [(f"ce_{name}", str(text).encode()) for name, text in envelope.items()]
    return value, (*headers, ("content-type", content_type.encode()))
