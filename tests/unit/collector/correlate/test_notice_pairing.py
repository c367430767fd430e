"""
Pair kills that name no container with notices that name no pid, by their times.
"""

import pytest

from collector.correlate.oom_notices import align

MS = 1_000_000
SLACK_NS, LAG_NS = 20 * MS, 2000 * MS


def paired(kills_ms: list[int], notices_ms: list[int]) -> list[int | None]:
    return align(
        [at_ms * MS for at_ms in kills_ms],
        [at_ms * MS for at_ms in notices_ms],
        slack_ns=SLACK_NS,
        lag_ns=LAG_NS,
    )


@pytest.mark.parametrize(
    ("kills_ms", "notices_ms", "pairs"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([100], [], [None], id="a kill without a notice"),
        pytest.param([], [100], [], id="a notice without a kill"),
        pytest.param([100], [130], [0], id="a notice comes a little later"),
        pytest.param([100], [85], [0], id="within the difference of the clocks it may seem to come before"),
        pytest.param([100], [75], [None], id="but no earlier than that"),
        pytest.param([100], [2101], [None], id="and not after the longest lag"),
        pytest.param([100, 200, 300], [110, 210, 310], [0, 1, 2], id="in order"),
        pytest.param([100, 200], [1000, 1100], [0, 1], id="in order, though the second is nearer to the first notice"),
    ],
)
def test_a_notice_follows_its_kill(kills_ms: list[int], notices_ms: list[int], pairs: list[int | None]) -> None:
    """
    Notices come in the order of their kills, and not later than the longest lag.
    """
    assert paired(kills_ms, notices_ms) == pairs


def test_of_two_kills_the_one_with_the_shorter_delay_gets_the_only_notice() -> None:
    """
    The other kill stays alone, because a notice may be lost.
    """
    assert paired([100, 500], [510]) == [None, 0]


def test_of_two_notices_the_nearer_one_is_taken() -> None:
    """
    The other notice belongs to a kill that was published before.
    """
    assert paired([500], [510, 900]) == [0]


def test_no_notice_is_paired_twice() -> None:
    """
    A notice is paired with one kill, however close the kills are.
    """
    assert sorted(paired([100, 101, 102], [103]), key=str) == [0, None, None]


def test_a_lost_notice_does_not_shift_all_others() -> None:
    """
    Pairing from the front would give every kill the notice of the next one.
    """
    assert paired([100, 400, 700, 1000], [410, 710, 1010]) == [None, 0, 1, 2]
