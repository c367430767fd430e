"""
Events as records, and records as batches.
"""

from datetime import UTC, datetime
from itertools import zip_longest

import orjson
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from sinks.base import Outgoing
from sinks.errors import DisabledError
from sinks.formats import Format, rendered
from sinks.kafka.config import KafkaConfig, Mode
from sinks.kafka.records import Record, batches, record
from tests.shared.numbered import event

texts = st.text(max_size=40)
NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)


def cloud_event(event: Outgoing, mode: Mode) -> Record:
    return record(event, Format.CLOUDEVENTS, mode, NOW)


def test_in_binary_mode_the_value_is_the_data_and_the_rest_are_headers() -> None:
    """
    A record in binary mode follows CloudEvents Kafka binding 1.0, section 3.2; its key is the ordering key.
    """
    found = cloud_event(event(1, "k7", "m"), Mode.BINARY)
    assert (found.key, orjson.loads(found.value)) == (b"k7", orjson.loads(event(1, "k7", "m").body)["data"])
    assert dict(found.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"e00001",
        "ce_source": b"urn:exit137:host:h",
        "ce_type": b"exit137.oom_kill",
        "content-type": b"application/json",
    }


def test_in_structured_mode_the_value_is_the_event_byte_for_byte() -> None:
    """
    A record in structured mode follows CloudEvents Kafka binding 1.0, section 3.3.
    """
    found = cloud_event(event(1), Mode.STRUCTURED)
    assert found.value == event(1).body
    assert dict(found.headers) == {"content-type": b"application/cloudevents+json; charset=UTF-8"}


@pytest.mark.parametrize("form", [Format.ECS, Format.OCSF])
def test_another_format_is_plain_json(form: Format) -> None:
    """
    A record that is no CloudEvent has no header of one; its key is the same.
    """
    found = record(event(1, "k7"), form, Mode.BINARY, NOW)
    assert (found.key, found.value) == (b"k7", rendered(event(1, "k7"), form, NOW))
    assert dict(found.headers) == {"content-type": b"application/json"}


def test_only_cloudevents_have_a_structured_mode() -> None:
    """
    A mode that would mean nothing is refused.
    """
    structured = {"name": "k", "type": "kafka", "bootstrap_servers": ("b:9092",), "topic": "t", "mode": Mode.STRUCTURED}
    KafkaConfig(**structured).check()
    with pytest.raises(DisabledError):
        KafkaConfig(**structured, format=Format.OCSF).check()


@given(st.lists(texts, max_size=30), texts)
def test_a_batch_is_never_larger_than_computed(messages: list[str], key: str) -> None:
    """
    The computed size is an upper bound of what aiokafka builds; a larger batch would be refused.
    """
    records = [cloud_event(event(number, key, text), Mode.BINARY) for number, text in enumerate(messages)]
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
    Batches are as large as allowed; a record that is larger than a batch has one of its own.
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
    A limit on the number of records splits batches without changing the order.
    """
    records = sized(sizes)
    found = list(batches(records, 10_000_000, max_records))
    assert [item for batch in found for item in batch] == records
    assert all(len(batch) == max_records for batch in found[:-1])
    assert all(len(batch) <= max_records for batch in found)


@pytest.mark.parametrize("mode", Mode)
def test_the_document_may_hold_any_text(mode: Mode) -> None:
    """
    The value is UTF-8 JSON, whatever text the event contains.
    """
    body = orjson.dumps({"id": "1", "data": {"message": "Ü\\u0000\n"}})
    value = cloud_event(Outgoing(id="1", type="t", key="ключ", body=body), mode).value
    assert orjson.loads(value) in ({"message": "Ü\\u0000\n"}, orjson.loads(body))
