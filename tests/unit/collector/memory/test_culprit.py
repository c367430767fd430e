"""
Who took the memory: clear leads are named, everything else is not.
"""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.memory.culprit import Culprit, CulpritBasis, Holder, find_culprit
from sinks.event import Confidence

TOTAL = 1000


def holder(name: str | None, held: int, grew: int | None = 0) -> Holder:
    """
    Return a holder whose growth was measured over two minutes; the sizes are thousandths of the memory that ran out.
    """
    return Holder(container_id=name, held_bytes=held, grew_bytes=grew, within_s=120.0 if grew is not None else None)


def named(*holders: Holder, unexplained: int = 0) -> tuple[str | None, CulpritBasis, Confidence] | None:
    return _result(find_culprit(holders, TOTAL, unexplained))


def test_the_only_one_that_grew_much_is_likely() -> None:
    """
    Twice the growth of the next one is clear, whoever is larger.
    """
    assert named(holder("a", 300, 280), holder("b", 500, 100)) == ("a", CulpritBasis.GROWTH, Confidence.LIKELY)


@pytest.mark.parametrize(
    "holders",
    [
        (holder("a", 400, 300), holder("b", 400, 290)),
        (holder("a", 400), holder("b", 390)),
        (holder("a", 300, 200), holder("b", 150, None)),
        (holder("a", 30, 20),),
        (),
    ],
    ids=["alike in growth", "alike in size", "growth of the other is not known", "little memory", "nobody"],
)
def test_nobody_is_named_without_a_clear_lead(holders: Sequence[Holder]) -> None:
    """
    Several that could have done it, or too little that is known, name nobody.
    """
    assert find_culprit(holders, TOTAL) is None


def test_small_growth_of_a_small_container_is_possible() -> None:
    """
    A container that grew the most, but neither much nor to be the largest, may only be the last straw.
    """
    assert named(holder("a", 100, 90), holder("b", 700, 10)) == ("a", CulpritBasis.GROWTH, Confidence.POSSIBLE)


def test_the_largest_is_possible_if_nobody_grew() -> None:
    """
    Size alone says less than growth.
    """
    assert named(holder("a", 800), holder("b", 100)) == ("a", CulpritBasis.SIZE, Confidence.POSSIBLE)


def test_the_largest_is_not_named_if_another_one_grew_more() -> None:
    """
    Size does not count against growth that is only not clear enough.
    """
    assert named(holder("a", 800), holder("b", 150, 100), holder("c", 100, 90)) is None


def test_what_is_outside_of_containers_is_a_holder_like_others() -> None:
    """
    Processes of the host may have taken the memory.
    """
    assert named(holder(None, 600, 500), holder("a", 300, 10)) == (None, CulpritBasis.GROWTH, Confidence.LIKELY)


@pytest.mark.parametrize(
    ("unexplained", "confidence"), [(100, Confidence.LIKELY), (200, Confidence.POSSIBLE), (300, None)]
)
def test_memory_that_nobody_accounts_for_lowers_the_confidence(unexplained: int, confidence: Confidence | None) -> None:
    """
    More of it than half of the growth leaves it possible, more than all of it unknown.
    """
    found = find_culprit([holder("a", 250, 250)], TOTAL, unexplained)
    assert (found.confidence if found is not None else None) is confidence


SIZES = st.integers(0, 2 * TOTAL)
HOLDERS = st.lists(
    st.builds(
        holder,
        st.sampled_from([None, *"abcdefgh"]),
        SIZES,
        st.none() | st.integers(-TOTAL, 2 * TOTAL),
    ),
    unique_by=lambda one: one.container_id,
    max_size=6,
)


@given(HOLDERS, SIZES, st.randoms())
def test_the_order_of_containers_does_not_matter(holders: list[Holder], unexplained: int, random: Random) -> None:
    """
    Any permutation of the holders gives the same result.
    """
    shuffled = list(holders)
    random.shuffle(shuffled)
    assert find_culprit(holders, TOTAL, unexplained) == find_culprit(shuffled, TOTAL, unexplained)


@given(HOLDERS, SIZES)
def test_the_culprit_leads_twofold_in_what_it_is_named_by(holders: list[Holder], unexplained: int) -> None:
    """
    Nobody else may have grown more than half as much, or holds more than half as much, and nothing is certain.
    """
    found = find_culprit(holders, TOTAL, unexplained)
    if found is None:
        return
    lead = found.holder
    others = [one for one in holders if one.container_id != lead.container_id]
    assert found.confidence is not Confidence.CERTAIN
    if found.basis is CulpritBasis.GROWTH:
        assert lead.grew_bytes is not None
        assert all(lead.grew_bytes >= 2 * one.growth_at_most_bytes for one in others)
        assert lead.grew_bytes >= unexplained
    else:
        assert all(lead.held_bytes >= 2 * one.held_bytes for one in others)
        assert lead.held_bytes >= 2 * unexplained


@given(HOLDERS, SIZES, st.integers(1, 1 << 40))
def test_the_unit_does_not_matter(holders: list[Holder], unexplained: int, factor: int) -> None:
    """
    All sizes times a factor give the same container, rule and confidence.
    """
    scaled = [
        holder(
            one.container_id,
            one.held_bytes * factor,
            one.grew_bytes * factor if one.grew_bytes is not None else None,
        )
        for one in holders
    ]
    assert _result(find_culprit(scaled, TOTAL * factor, unexplained * factor)) == _result(
        find_culprit(holders, TOTAL, unexplained)
    )


@given(HOLDERS, SIZES, SIZES)
def test_less_evidence_never_raises_the_confidence(holders: list[Holder], unexplained: int, more: int) -> None:
    """
    More unexplained memory names the same with the same confidence or a lower one, another rule, or nobody.
    """
    before, after = find_culprit(holders, TOTAL, unexplained), find_culprit(holders, TOTAL, unexplained + more)
    if after is not None and after.confidence is Confidence.LIKELY:
        assert before == after


def _result(found: Culprit | None) -> tuple[str | None, CulpritBasis, Confidence] | None:
    return (found.holder.container_id, found.basis, found.confidence) if found is not None else None
