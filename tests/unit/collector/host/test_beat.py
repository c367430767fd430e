"""
When tasks with the same interval wake up.
"""

from hypothesis import given
from hypothesis import strategies as st

from collector.host.beat import until_beat_s


@given(interval_ms=st.integers(1, 10_000), now_ns=st.integers(0, 2**62))
def test_the_wait_ends_at_a_multiple_of_the_interval(interval_ms: int, now_ns: int) -> None:
    """
    Whenever it begins, and it is never longer than the interval.
    """
    wait_s = until_beat_s(interval_ms / 1000, now_ns)
    assert 0 < wait_s <= interval_ms / 1000
    assert (now_ns // 1_000_000 + round(wait_s * 1000)) % interval_ms == 0


def test_a_long_and_a_short_interval_end_together() -> None:
    """
    Where one is a multiple of the other.
    """
    now_ns = 7_300_000_000
    assert (until_beat_s(1, now_ns), until_beat_s(2, now_ns), until_beat_s(5, now_ns)) == (0.7, 0.7, 2.7)
