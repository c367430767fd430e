"""
The event stream as lines.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sources.docker.bounded import UnusableAnswerError
from collector.sources.docker.event_lines import event_lines

MIB = 1_048_576


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """
    Cut bytes into pieces at these places.
    """
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[begin:end] for begin, end in zip([0, *ends], [*ends, len(data)], strict=True)]


@given(st.lists(st.dictionaries(st.text(), st.text())), st.lists(st.integers(0, 10_000)))
def test_pieces_of_any_size_give_the_same_lines(messages: list[dict[str, str]], places: list[int]) -> None:
    """
    Events do not depend on how the network cuts the stream; blank lines are none.
    """
    lines = [json.dumps(message).encode() for message in messages]
    data = b"".join(line + b"\n\r\n" for line in lines)
    assert list(event_lines(cut(data, places))) == lines


def test_a_line_that_is_too_long_is_cut_and_the_next_is_whole() -> None:
    """
    Of a long event only the beginning is kept, which is no event any more; the stream goes on after it.
    """
    pieces = [b'{"a":"', b"x" * 40, b"x" * 40, b'"}\n{"b":1}\n']
    first, second = event_lines(pieces, line_bytes=50)
    assert (len(first), second) == (50, b'{"b":1}')


@pytest.mark.parametrize("piece", [b"x" * MIB, b"\n" * MIB, b" \r\n" * MIB], ids=["no end", "empty", "blank"])
def test_a_stream_without_events_ends(piece: bytes) -> None:
    """
    A stream that sends megabytes without an event is given up.
    """
    with pytest.raises(UnusableAnswerError):
        list(event_lines(piece for _ in range(100)))
