"""
From the kernel's log clock to the wall clock.
"""

from collector.hostclock import BootClock

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


def test_without_observations_the_kernel_is_taken_at_its_word() -> None:
    """
    Its clock is read as CLOCK_MONOTONIC.
    """
    clocks = Clocks()
    assert _clock(clocks).wall_ns(4_000_000) == clocks.wall_ns - 1_000 * MS


def test_a_record_read_as_it_was_written_shows_how_far_the_clock_is_off() -> None:
    """
    The kernel's log clock is 14 ms behind.
    """
    clocks = Clocks()
    clock = _clock(clocks)
    clock.observe(4_986_000)
    assert clock.wall_ns(4_986_000) == clocks.wall_ns


def test_the_quickest_reading_counts() -> None:
    """
    A reading that came late says nothing about the clock.
    """
    clocks = Clocks()
    clock = _clock(clocks)
    clock.observe(4_900_000)
    clock.observe(4_986_000)
    clock.observe(4_950_000)
    assert clock.wall_ns(4_986_000) == clocks.wall_ns


def test_a_step_of_the_wall_clock_is_followed() -> None:
    """
    Within ten seconds.
    """
    clocks = Clocks()
    clock = _clock(clocks)
    clock.wall_ns(0)
    clocks.wall_ns += 3_600_000 * MS
    clocks.pass_ms(10_001)
    assert clock.wall_ns(15_001_000) == clocks.wall_ns
