"""
An event as a record, and records as batches.
"""

from itertools import zip_longest

import orjson
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from sinks.base import Outgoing
from sinks.kafka.config import Mode
from sinks.kafka.records import Record, batches, record
from tests.kafka.events import event

texts = st.text(max_size=40)


def test_in_binary_mode_the_value_is_the_data_and_the_rest_are_headers() -> None:
    """
    CloudEvents Kafka binding 1.0, 3.2; the key is what orders events.
    """
    found = record(event(1, "k7", "m"), Mode.BINARY)
    assert (found.key, found.value) == (b"k7", b'{"message":"m"}')
    assert dict(found.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"e00001",
        "ce_source": b"urn:exit137:host:h",
        "ce_type": b"exit137.oom_kill",
        "content-type": b"application/json",
    }


def test_in_structured_mode_the_value_is_the_event_byte_for_byte() -> None:
    """
    CloudEvents Kafka binding 1.0, 3.3.
    """
    found = record(event(1), Mode.STRUCTURED)
    assert found.value == event(1).body
    assert dict(found.headers) == {"content-type": b"application/cloudevents+json; charset=UTF-8"}


@given(st.lists(texts, max_size=30), texts)
def test_a_batch_is_never_larger_than_thought(messages: list[str], key: str) -> None:
    """
    As aiokafka builds it: else it would be refused as too large, and its events be lost for the batch.
    """
    records = [record(event(number, key, text), Mode.BINARY) for number, text in enumerate(messages)]
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for offset, item in enumerate(records):
        builder.append(offset, None, item.key, item.value, list(item.headers))
    assert len(builder.build()) <= 61 + sum(item.size_bytes for item in records)


def sized(sizes: list[int]) -> list[Record]:
    return [
        Record(id=str(number), key=b"", value=b"", headers=(), size_bytes=size_bytes)
        for number, size_bytes in enumerate(sizes)
    ]


@given(st.lists(st.integers(1, 300), max_size=50), st.integers(1, 1000))
def test_batches_hold_all_records_in_order_and_as_many_as_fit(sizes: list[int], max_bytes: int) -> None:
    """
    What is larger than a batch stands alone.
    """
    records = sized(sizes)
    found = list(batches(records, max_bytes))
    assert [item for batch in found for item in batch] == records
    for batch, following in zip_longest(found, found[1:]):
        size_bytes = 61 + sum(item.size_bytes for item in batch)
        assert size_bytes <= max_bytes or len(batch) == 1
        assert following is None or size_bytes + following[0].size_bytes > max_bytes


@given(st.lists(st.integers(1, 300), max_size=50), st.integers(1, 9))
def test_batches_have_no_more_records_than_allowed(sizes: list[int], max_records: int) -> None:
    """
    In the same order.
    """
    records = sized(sizes)
    found = list(batches(records, 10_000_000, max_records))
    assert [item for batch in found for item in batch] == records
    assert all(len(batch) == max_records for batch in found[:-1])
    assert all(len(batch) <= max_records for batch in found)


@pytest.mark.parametrize("mode", Mode)
def test_the_document_may_hold_any_text(mode: Mode) -> None:
    """
    UTF-8, as JSON is.
    """
    body = orjson.dumps({"id": "1", "data": {"message": "Ü\\u0000\n"}})
    value = record(Outgoing(id="1", type="t", key="ключ", body=body), mode).value
    assert orjson.loads(value) in ({"message": "Ü\\u0000\n"}, orjson.loads(body))
