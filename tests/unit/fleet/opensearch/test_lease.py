"""
At no time do two hubs hold the lease, whatever their clocks say and whatever becomes of their requests.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.store import StoreUnavailableError
from fleet.opensearch.lease import Lease
from fleet.opensearch.state import Note, Version

TERM_S = 10.0
# How long nobody needs to hold it: a term until another hub is sure, and a turn of each.
LONGEST_GAP_S = 2 * TERM_S


class OneDocument:
    """
    The document of the lease, as the cluster keeps it: replaced only by whoever names its version.
    """

    def __init__(self) -> None:
        self.note: Note | None = None
        self.fails = ""

    async def get(self, kind: str, id_: str) -> Note | None:
        del kind, id_
        if self.fails == "before":
            raise StoreUnavailableError("cluster", "away")
        return self.note

    async def replace(self, kind: str, id_: str, content: Mapping[str, Any], seen: Version | None) -> Version | None:
        del kind
        if self.fails == "before":
            raise StoreUnavailableError("cluster", "away")
        if (self.note.version if self.note is not None else None) != seen:
            return None
        version = Version(seq_no=seen.seq_no + 1 if seen is not None else 0, primary_term=1)
        self.note = Note(id=id_, content=content, version=version)
        if self.fails == "after":
            raise StoreUnavailableError("cluster", "the answer was lost")
        return version


class Hub:
    """
    A hub whose clock has an offset, and runs a little faster or slower than others.
    """

    def __init__(self, name: str, document: OneDocument, offset_s: float, rate: float, term_s: float = TERM_S) -> None:
        self.true_s, self._offset_s, self._rate = 0.0, offset_s, rate
        self.lease = Lease(document, name, term_s, lambda: self.true_s * self._rate + self._offset_s)  # type: ignore[arg-type]

    def turn(self) -> None:
        with contextlib.suppress(StoreUnavailableError):
            asyncio.run(self.lease.turn())


_STEPS = st.lists(
    st.tuples(st.sampled_from([0, 1, 2]), st.floats(0.0, 8.0), st.sampled_from(["", "", "", "before", "after"])),
    max_size=60,
)


@settings(max_examples=300)
@given(_STEPS, st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), st.lists(st.floats(0.98, 1.02), min_size=3))
def test_never_two_hold_it(steps: list[tuple[int, float, str]], offsets: list[float], rates: list[float]) -> None:
    """
    Clocks are years apart and run two per cent too fast or too slow; requests fail before or after they have an effect.
    """
    document = OneDocument()
    hubs = [Hub(f"hub {number}", document, offsets[number], rates[number]) for number in range(3)]
    now_s = 0.0
    for number, wait_s, fails in steps:
        now_s += wait_s
        for hub in hubs:
            hub.true_s = now_s
        assert sum(hub.lease.is_held for hub in hubs) <= 1
        document.fails = fails
        hubs[number].turn()
        assert sum(hub.lease.is_held for hub in hubs) <= 1


def test_it_passes_on_when_its_holder_is_gone() -> None:
    """
    The other hub waits a whole term of its own, and then holds it.
    """
    document = OneDocument()
    first, second = Hub("first", document, 0.0, 1.0), Hub("second", document, -1e6, 1.0)
    first.turn()
    assert first.lease.is_held
    taken_s = None
    for step in range(200):
        second.true_s = first.true_s = step / 10
        second.turn()
        if second.lease.is_held and taken_s is None:
            taken_s = step / 10
    assert taken_s is not None
    assert TERM_S <= taken_s <= LONGEST_GAP_S
    assert not first.lease.is_held


def test_a_holder_with_a_longer_term_keeps_it() -> None:
    """
    While hubs are restarted one after the other with a shorter `lease_s`.
    """
    document = OneDocument()
    first, second = Hub("first", document, 0.0, 1.0, 10 * TERM_S), Hub("second", document, 0.0, 1.0)
    first.turn()
    for step in range(1, 1500):
        second.true_s = first.true_s = step / 10
        second.turn()
        assert not (first.lease.is_held and second.lease.is_held)
    assert second.lease.is_held


def test_a_holder_whose_answer_was_lost_holds_it_on() -> None:
    """
    The document names it, so that no other hub has it.
    """
    document = OneDocument()
    hub = Hub("hub", document, 0.0, 1.0)
    hub.turn()
    document.fails = "after"
    hub.true_s = 2.0
    hub.turn()
    document.fails = ""
    hub.true_s = 4.0
    hub.turn()
    hub.true_s = 12.0
    assert hub.lease.is_held


def test_a_released_lease_is_free_at_once() -> None:
    """
    After an orderly stop nobody waits for the term to pass.
    """
    document = OneDocument()
    first, second = Hub("first", document, 0.0, 1.0), Hub("second", document, 5.0, 1.0)
    first.turn()
    second.turn()
    assert not second.lease.is_held
    asyncio.run(first.lease.release())
    second.turn()
    assert (first.lease.is_held, second.lease.is_held) == (False, True)
