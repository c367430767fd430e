"""
A reader that follows has each event once, also those that are shown after later ones.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collector.store import PastEvent
from fleet.opensearch.tail import Tail


class Shown:
    """
    An index whose events are shown in any order, as searches of an engine show them.
    """

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        self.asked: list[Mapping[str, Any]] = []

    async def after(self, wanted: object, after_seq: int, limit: int, query: Mapping[str, Any]) -> list[PastEvent]:
        del wanted, after_seq
        self.asked = [each["range"]["_seq_no"] for each in query["bool"]["should"]]
        found = sorted(number for number in self.numbers if any(_is_in(number - 1, each) for each in self.asked))
        return [past(number) for number in found[:limit]]


def _is_in(seq_no: int, bounds: Mapping[str, int]) -> bool:
    return bounds.get("gte", 0) <= seq_no <= bounds.get("lte", 2**62) and seq_no > bounds.get("gt", -1)


def past(number: int) -> PastEvent:
    return PastEvent(seq=number, id=str(number), type="t", subject="", container_id=None, time_ns=0, body=b"{}")


class Reader:
    """
    A tail whose clock the test moves.
    """

    def __init__(self, after_seq: int = 0) -> None:
        self.index, self.now_s = Shown(), 0.0
        self.tail = Tail(self.index, after_seq, lambda: self.now_s)  # type: ignore[arg-type]
        self.read_numbers: list[int] = []

    def read(self) -> None:
        self.read_numbers += [event.seq for event in asyncio.run(self.tail.read())]


@given(st.permutations(range(1, 25)), st.integers(1, 6), st.sets(st.integers(1, 24)))
def test_each_event_is_read_once_in_whatever_order_they_are_shown(
    order: list[int], at_once: int, missing: set[int]
) -> None:
    """
    And never before it is shown. Numbers that never appear hold nothing up.
    """
    reader = Reader()
    shown = [number for number in order if number not in missing]
    for begin in range(0, len(shown), at_once):
        reader.index.numbers |= set(shown[begin : begin + at_once])
        reader.read()
        # No event up to this number may come any more that was not read.
        assert {number for number in shown if number <= reader.tail.complete_seq} <= set(reader.read_numbers)
        reader.now_s += 0.1
    assert sorted(reader.read_numbers) == sorted(shown)


def test_a_number_that_stays_missing_is_given_up() -> None:
    """
    It was a deletion. The reader asks for what is new alone, and a state that is stored now knows everything.
    """
    reader = Reader()
    reader.index.numbers = {1, 2, 5}
    reader.read()
    assert reader.tail.complete_seq == 2
    reader.now_s = 60.0
    reader.read()
    assert reader.tail.complete_seq == 5
    assert len(reader.index.asked) == 1
    assert reader.read_numbers == [1, 2, 5]


def test_reading_goes_on_where_another_reader_ended() -> None:
    """
    With the first event after that number.
    """
    reader = Reader(after_seq=3)
    reader.index.numbers = {1, 2, 3, 4}
    reader.read()
    assert reader.read_numbers == [4]
