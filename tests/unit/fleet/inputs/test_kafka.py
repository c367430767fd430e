"""
Records of Kafka as events, in both forms that the sink writes.
"""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.config.hub import HubKafkaConfig
from fleet.arrival import RefusedEventError
from fleet.inputs.kafka import as_sink_config
from fleet.inputs.records import event_of_record
from sinks.base import Outgoing
from sinks.errors import DisabledError
from sinks.formats import Format
from sinks.kafka.config import Mode
from sinks.kafka.records import record
from tests.shared.hub_events import body, death, host_id

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize("mode", Mode)
def test_both_forms_of_the_sink_are_read(mode: Mode) -> None:
    """
    Whatever the agents are configured to write.
    """
    event = death(1, 1)
    written = record(
        Outgoing(id=event.id, type=event.type.value, key="k", body=body(event)), Format.CLOUDEVENTS, mode, NOW
    )
    found = event_of_record(written.value, written.headers)
    (first,) = [found]
    assert (first.id, first.host_id, first.stored.subject) == (event.id, host_id(1), event.subject)


@given(st.none() | st.binary(max_size=60), st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=8)), max_size=3))
def test_any_record_is_an_event_or_is_refused(value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    """
    Other programs may write to the topic too.
    """
    with pytest.raises(RefusedEventError):
        event_of_record(value, headers)


def test_settings_that_do_not_fit_are_refused() -> None:
    """
    As by the sink, whose login they are.
    """
    with pytest.raises(DisabledError):
        as_sink_config(HubKafkaConfig(bootstrap_servers=("k:9092",), topic="t", sasl_mechanism="PLAIN"))
