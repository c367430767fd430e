"""
Kills that name no container and claims that name no pid, paired by their moments.
"""

import pytest

from collector.correlate.alignment import align

MS = 1_000_000
SLACK_NS, LAG_NS = 20 * MS, 2000 * MS


def paired(kills_ms: list[int], claims_ms: list[int]) -> list[int | None]:
    return align(
        [moment * MS for moment in kills_ms],
        [moment * MS for moment in claims_ms],
        slack_ns=SLACK_NS,
        lag_ns=LAG_NS,
    )


@pytest.mark.parametrize(
    ("kills_ms", "claims_ms", "pairs"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([100], [], [None], id="a kill that nobody claims"),
        pytest.param([], [100], [], id="a claim without a kill"),
        pytest.param([100], [130], [0], id="a claim comes a little later"),
        pytest.param([100], [85], [0], id="within the difference of the clocks it may seem to come before"),
        pytest.param([100], [75], [None], id="but no earlier than that"),
        pytest.param([100], [2101], [None], id="and not after the longest lag"),
        pytest.param([100, 200, 300], [110, 210, 310], [0, 1, 2], id="in order"),
        pytest.param([100, 200], [1000, 1100], [0, 1], id="in order, though the second is nearer to the first claim"),
    ],
)
def test_a_claim_follows_its_kill(kills_ms: list[int], claims_ms: list[int], pairs: list[int | None]) -> None:
    """
    In the same order, and not later than the lag.
    """
    assert paired(kills_ms, claims_ms) == pairs


def test_of_two_kills_the_one_with_the_lesser_delay_gets_the_only_claim() -> None:
    """
    The other stays alone: a claim may be lost.
    """
    assert paired([100, 500], [510]) == [None, 0]


def test_of_two_claims_the_nearer_one_is_taken() -> None:
    """
    The other is of a kill that was told before.
    """
    assert paired([500], [510, 900]) == [0]


def test_no_claim_is_given_twice() -> None:
    """
    However near the kills are.
    """
    assert sorted(paired([100, 101, 102], [103]), key=str) == [0, None, None]


def test_a_lost_claim_does_not_shift_all_others() -> None:
    """
    Pairing from the front would give every kill the claim of the next one.
    """
    assert paired([100, 400, 700, 1000], [410, 710, 1010]) == [None, 0, 1, 2]
