"""
The samples of a container take bounded memory, and old extremes are kept.
"""

import sys

from hypothesis import given
from hypothesis import strategies as st

from collector.facts.memory import MemorySample
from collector.memory.sample_ring import SampleRing

MIB = 1 << 20
S = 1_000_000_000
START_NS = 1_700_000_000 * S


def sample(at_s: float, working_set_bytes: int) -> MemorySample:
    return MemorySample(
        container_id="c",
        cgroup="/docker/c",
        at_ns=START_NS + int(at_s * S),
        usage_bytes=working_set_bytes,
        working_set_bytes=working_set_bytes,
        anon_bytes=working_set_bytes // 2,
    )


def ring_of(values: list[int], every_s: float = 5.0) -> SampleRing:
    ring = SampleRing()
    for index, value in enumerate(values):
        ring.add(sample(index * every_s, value))
    return ring


def size_bytes(ring: SampleRing) -> int:
    """
    Return the memory that belongs to the ring alone; the latest sample counts with its fields.
    """
    assert ring.latest is not None
    fields = (getattr(ring.latest, name) for name in MemorySample.__slots__)
    own = sys.getsizeof(ring) + sys.getsizeof(ring.__dict__) + sys.getsizeof(ring._tiers)
    return own + sum(map(sys.getsizeof, ring._tiers)) + sys.getsizeof(ring.latest) + sum(map(sys.getsizeof, fields))


def test_twenty_kilobytes_hold_days() -> None:
    """
    Three days of samples every 5 s, 51 840 in all, fit in 20 KB.
    """
    ring = ring_of([(i % 1000) * MIB for i in range(51_840)])
    points = ring.points()
    assert size_bytes(ring) <= 20_000
    assert points[-1].at_s - points[0].at_s > 2 * 86_400
    assert len(points) == len(ring) <= 12 * 60


def test_the_newest_samples_are_all_kept() -> None:
    """
    The newest samples are kept as they were, rounded to a page.
    """
    points = ring_of([i * MIB for i in range(1000)]).points()
    assert [point.working_set_bytes // MIB for point in points[-50:]] == list(range(950, 1000))
    assert points[-1].anon_bytes == 999 * MIB // 2


def test_an_old_spike_keeps_its_height() -> None:
    """
    One sample of 900 MiB from a day ago is still there.
    """
    values = [100 * MIB] * 20_000
    values[500] = 900 * MIB
    points = ring_of(values).points()
    assert max(point.working_set_bytes for point in points) == 900 * MIB
    assert min(point.working_set_bytes for point in points) == 100 * MIB


def test_points_are_ordered_by_time() -> None:
    """
    The order holds across all tiers.
    """
    times = [point.at_s for point in ring_of([(i * 7919) % 500 * MIB for i in range(5000)]).points()]
    assert times == sorted(times)


def test_a_clock_set_back_does_not_break_the_order() -> None:
    """
    Samples get the time of the latest one until the clock has caught up.
    """
    ring = SampleRing()
    for at_s in (100.0, 110.0, 50.0, 120.0):
        ring.add(sample(at_s, MIB))
    assert [point.at_s - START_NS / S for point in ring.points()] == [100.0, 110.0, 110.0, 120.0]


def test_a_size_beyond_the_field_is_capped() -> None:
    """
    Sizes are stored up to 16 TiB.
    """
    ring = SampleRing()
    ring.add(sample(0.0, 1 << 62))
    assert ring.points()[0].working_set_bytes == ((1 << 32) - 1) * 4096
    assert ring.peak_bytes == 1 << 62


@given(st.lists(st.integers(0, 1000), max_size=400), st.integers(-100, 2100), st.integers(-100, 2100))
def test_the_ends_of_a_time_are_its_first_and_last_point(values: list[int], since_s: int, until_s: int) -> None:
    """
    They are those of `points`, whatever was thinned out.
    """
    ring = ring_of([value * MIB for value in values])
    since_ns, until_ns = START_NS + since_s * S, START_NS + until_s * S
    found = [point for point in ring.points(since_ns) if point.at_s <= until_ns / S]
    assert ring.ends(since_ns, until_ns) == ((found[0], found[-1]) if found else None)
