"""
What counts as an event of an agent.
"""

import contextlib
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.arrival import RefusedEventError, arrival, arrivals
from fleet.opensearch.documents import document_of
from tests.shared.hub_events import body, death, host_id

GOOD: Final[dict[str, Any]] = orjson.loads(body(death(1, 1)))


def test_an_event_is_stored_as_it_was_sent() -> None:
    """
    Byte by byte: whoever reads it sees what the agent said.
    """
    sent = body(death(1, 1))
    (found,) = arrivals(sent)
    assert (found.host_id, found.id, found.stored.body) == (host_id(1), GOOD["id"], sent)
    assert found.stored.container_id == GOOD["data"]["container"]["id"]


def test_a_batch_has_many_events() -> None:
    """
    A JSON array of events.
    """
    batch = orjson.dumps([GOOD, orjson.loads(body(death(1, 2)))])
    assert len({found.id for found in arrivals(batch)}) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"id": ""},
        {"id": 7},
        {"source": "urn:exit137:fleet"},
        {"source": "urn:exit137:host:"},
        {"type": "exit137.fleet_incident"},
        {"type": "com.example.other"},
        {"data": "text"},
        {"data": {**GOOD["data"], "host": {"id": host_id(2)}}},
    ],
)
def test_what_no_agent_says_is_refused(change: dict[str, Any]) -> None:
    """
    An incident of the fleet is for the hub to find, not for a host to claim, nor may a host speak for another.
    """
    with pytest.raises(RefusedEventError):
        arrival({**GOOD, **change})


@pytest.mark.parametrize("depth", [1, 230, 240, 245, 250, 255, 300, 1000])
@pytest.mark.parametrize("is_batch", [False, True])
def test_what_is_accepted_can_be_written_again(depth: int, *, is_batch: bool) -> None:
    """
    Under another id and as a document of a cluster: one host's event must not stop the intake of all hosts.
    """
    nested = b"[" * depth + b"]" * depth
    sent = body(death(1, 1)).replace(b'"data":{', b'"data":{"nested":%b,' % nested, 1)
    try:
        (found,) = arrivals(b"[%b]" % sent if is_batch else sent)
    except RefusedEventError:
        assert depth > 200
    else:
        assert found.renamed().stored.body
        orjson.dumps({"document": document_of(found.stored, 0)})
        assert depth < 255


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(orjson.dumps))
def test_any_bytes_give_events_or_are_refused(sent: bytes) -> None:
    """
    Nothing else comes from outside.
    """
    with contextlib.suppress(RefusedEventError):
        assert arrivals(sent) == []
