"""
Records of the topic, as they travel through the job.
"""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.flink.events import host_events
from tests.shared.hub_events import body, death, host_id


def test_both_forms_of_the_sink_become_the_same_event() -> None:
    """
    The envelope stands in the headers or in the value.
    """
    event = death(1, 1)
    whole = orjson.loads(body(event))
    data = whole.pop("data")
    del whole["datacontenttype"]
    headers = {f"ce_{name}": text.encode() for name, text in whole.items()}
    (binary,) = host_events(orjson.dumps(data), headers)
    (structured,) = host_events(body(event), {})
    assert binary[:2] == structured[:2] == (host_id(1), event.id)
    assert orjson.loads(binary[2]) == orjson.loads(structured[2])


@given(st.none() | st.binary(max_size=60), st.none() | st.dictionaries(st.text(max_size=8), st.binary(max_size=8)))
def test_other_records_are_passed_over(value: bytes | None, headers: dict[str, bytes] | None) -> None:
    """
    Any bytes, as other programs may write to the topic too.
    """
    assert list(host_events(value, headers)) == []


@pytest.mark.parametrize("value", [b"[]", b"{}", b"null", b'{"specversion": "1.0"}'])
def test_json_that_is_no_event_is_passed_over(value: bytes) -> None:
    """
    An array of events is for HTTP; a record has one.
    """
    assert list(host_events(value, None)) == []
