"""
Tests of the drift of the kernel's log clock.
"""

from collector.host.clock import BootClock

MS = 1_000_000


class Clocks:
    """
    Two clocks that a test moves.
    """

    def __init__(self) -> None:
        self.monotonic_ns = 5_000 * MS
        self.wall_ns = 1_000_000 * MS

    def pass_ms(self, elapsed_ms: int) -> None:
        self.monotonic_ns += elapsed_ms * MS
        self.wall_ns += elapsed_ms * MS


def _clock(clocks: Clocks) -> BootClock:
    return BootClock(lambda: clocks.monotonic_ns, lambda: clocks.wall_ns)


def test_without_observations_no_drift_is_assumed() -> None:
    """
    Before any observation the kernel's log clock is taken for CLOCK_MONOTONIC.
    """
    clocks = Clocks()
    assert _clock(clocks).wall_ns(4_000_000) == clocks.wall_ns - 1_000 * MS


def test_a_record_read_as_it_is_written_shows_the_drift() -> None:
    """
    The kernel's log clock is 14 ms behind.
    """
    clocks = Clocks()
    clock = _clock(clocks)
    clock.observe(4_986_000, clocks.monotonic_ns - 100 * MS, starved=False)
    assert clock.wall_ns(4_986_000) == clocks.wall_ns


def test_the_smallest_lag_counts() -> None:
    """
    A reading that came late contains the time that it took.
    """
    clocks = Clocks()
    clock = _clock(clocks)
    for stamp_us in (4_900_000, 4_986_000, 4_950_000):
        clock.observe(stamp_us, clocks.monotonic_ns - 200 * MS, starved=False)
    assert clock.wall_ns(4_986_000) == clocks.wall_ns


def test_a_record_read_after_a_freeze_bounds_the_drift_only() -> None:
    """
    The log was last seen empty 20 s ago: the record may be as old.
    """
    clocks = Clocks()
    clock = _clock(clocks)
    empty_ns = clocks.monotonic_ns
    clocks.pass_ms(20_000)
    clock.observe(5_001_000, empty_ns, starved=False)
    assert clock.wall_ns(25_000_000) == clocks.wall_ns


def test_a_starved_reader_does_not_believe_its_own_delay() -> None:
    """
    It waited 900 ms for a CPU after the record was written.
    """
    clocks = Clocks()
    clock = _clock(clocks)
    empty_ns = clocks.monotonic_ns
    clocks.pass_ms(1_000)
    clock.observe(5_100_000, empty_ns, starved=True)
    assert clock.wall_ns(6_000_000) == clocks.wall_ns


def test_a_starved_reader_still_sees_a_clock_that_is_far_behind() -> None:
    """
    The record was written after the log was seen empty, so the drift is at least 2 s.
    """
    clocks = Clocks()
    clock = _clock(clocks)
    empty_ns = clocks.monotonic_ns
    clocks.pass_ms(1_000)
    clock.observe(3_000_000, empty_ns, starved=True)
    assert clock.wall_ns(3_000_000) == clocks.wall_ns - 1_000 * MS


def test_a_lag_grows_no_faster_than_a_clock_drifts() -> None:
    """
    Ten seconds later the drift may be 1 ms more.
    """
    clocks = Clocks()
    clock = _clock(clocks)
    clock.observe(5_000_000, clocks.monotonic_ns, starved=False)
    clocks.pass_ms(10_000)
    clock.observe(14_700_000, clocks.monotonic_ns - 500 * MS, starved=False)
    assert clock.wall_ns(15_000_000) == clocks.wall_ns + MS


def test_a_step_of_the_wall_clock_is_followed() -> None:
    """
    The offset follows a step of the wall clock within ten seconds.
    """
    clocks = Clocks()
    clock = _clock(clocks)
    clock.wall_ns(0)
    clocks.wall_ns += 3_600_000 * MS
    clocks.pass_ms(10_001)
    assert clock.wall_ns(15_001_000) == clocks.wall_ns
