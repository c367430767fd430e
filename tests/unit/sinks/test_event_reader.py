"""
Reading published events back: what was written is read, and what another version may have written is tolerated.
"""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.event import rfc3339
from sinks.event.reader import UnreadableEventError, read_event, read_events, time_ns
from sinks.event.views import AdviceView, DataView, EventView

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=9), children, max_size=4),
    max_leaves=20,
)


def read(exit137: object) -> EventView:
    return read_event(orjson.dumps({"data": {"message": "m", "exit137": exit137}}))


def test_a_field_of_an_unexpected_type_takes_its_default() -> None:
    """
    One strange field does not hide the others.
    """
    event = read_event(
        orjson.dumps({"id": 7, "type": "t", "data": {"message": 1, "container": {"id": [], "name": "api"}}})
    )
    assert (event.id, event.type, event.data.message) == ("", "t", "")
    assert event.data.container is not None
    assert (event.data.container.id, event.data.container.name) == (None, "api")


def test_an_unexpected_entry_of_a_list_is_left_out() -> None:
    """
    The other entries of the list are read.
    """
    memory = {"series": {"seconds": [-1.5, "x"], "bytes": [3, None]}, "growth_bytes_per_min": "fast"}
    exit137 = read({"memory": memory, "advice": [7, {"text": "t"}], "logs": ["a", 1], "oom": {"choice": 3}}).exit137
    assert exit137.memory is not None
    assert (exit137.memory.series.points, exit137.memory.growth_bytes_per_min) == (((-1.5, 3),), None)
    assert (exit137.advice, exit137.logs) == ((AdviceView(text="t"),), ("a",))
    assert exit137.oom is not None
    assert (exit137.oom.choice, exit137.oom.victims) == (None, ())


def test_a_curve_in_pairs_is_read() -> None:
    """
    A store may hold events with their samples as pairs of seconds and bytes; pairs that are not valid are left out.
    """
    memory = read({"memory": {"series": [[-5.0, 10], [-2, 20], [0, 30], [1], "x"]}}).exit137.memory
    assert memory is not None
    assert memory.series.points == ((-5.0, 10), (-2.0, 20), (0.0, 30))


def test_an_object_without_a_field_that_it_needs_is_left_out() -> None:
    """
    A warning without a kind says nothing.
    """
    assert read({"pressure": {"kind": None, "level": "warning"}, "cause": "exit"}).exit137.pressure is None


@given(exit137=json_values, data=json_values, field=st.sampled_from(["id", "time", "data", "container", "exit137"]))
def test_any_json_object_is_read_or_refused(exit137: object, data: object, field: str) -> None:
    """
    No JSON makes the reader fail in another way than with its own error.
    """
    for body in ({field: data}, {"data": {field: data, "exit137": exit137}}, exit137):
        try:
            assert isinstance(read_event(orjson.dumps(body)), EventView)
        except UnreadableEventError:
            assert not isinstance(body, dict) or field == "data"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"data": 7}', b'{"id": "\xff"}', b'{"id": 1, "a": ' + b"[" * 100_000]
)
def test_what_is_not_an_event_is_refused(body: bytes) -> None:
    """
    An unreadable text raises one error, and is left out of a list of events.
    """
    with pytest.raises(UnreadableEventError):
        read_event(body)
    assert read_events([body, b"{}"]) == [EventView(data=DataView())]


@given(st.integers(0, 4_000_000_000_000_000_000 // 1000))
def test_a_time_that_was_written_is_read(time_us: int) -> None:
    """
    Published times have microseconds, and reading them loses nothing.
    """
    assert time_ns(rfc3339(time_us * 1000)) == time_us * 1000


@pytest.mark.parametrize("stamp", [None, "", "yesterday", "2026-11-22", "2026-11-22T03:17:04", "2026-13-22T03:17:04Z"])
def test_what_is_not_a_time_is_unknown(stamp: str | None) -> None:
    """
    A time without a zone could be any, so it counts as unknown.
    """
    assert time_ns(stamp) is None
