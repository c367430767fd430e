"""
What containers, and everything outside of them, held when memory ran out.
"""

import pytest

from collector.facts.memory import MemorySample
from collector.memory.holders import OutsideUse, Span, holder_of, is_below
from collector.memory.sample_ring import Point
from parsers.proc_files import HostMemory

S = 1_000_000_000
MIB = 1 << 20
HOUR_S = 3600


def span(first_s: float, first_mib: int, last_s: float, last_mib: int) -> Span:
    return (
        Point(at_s=first_s, working_set_bytes=first_mib * MIB),
        Point(at_s=last_s, working_set_bytes=last_mib * MIB),
    )


def mib(size_bytes: int | None) -> int | None:
    return size_bytes // MIB if size_bytes is not None else None


def outside_use(levels: dict[int, tuple[int, int]], total_mib: int = 1000) -> OutsideUse:
    """
    Return the memory outside of containers, from what was in use and what one container held, by the second.
    """
    use = OutsideUse()
    for at_s, (used, inside) in levels.items():
        sample = MemorySample(
            container_id="a", cgroup="/a", at_ns=at_s * S, usage_bytes=inside * MIB, working_set_bytes=inside * MIB
        )
        host = HostMemory(total_bytes=total_mib * MIB, available_bytes=(total_mib - used) * MIB)
        use.feed([sample], host, at_s * S)
    return use


def test_growth_is_measured_from_the_first_sample() -> None:
    """
    A container that ran before is compared with what it held minutes ago.
    """
    held = holder_of("a", span(HOUR_S - 300, 100, HOUR_S - 5, 400), HOUR_S * S, began_ns=0, resident_bytes=0)
    assert held is not None
    assert (mib(held.held_bytes), mib(held.grew_bytes), held.within_s) == (400, 300, 300.0)


def test_a_new_container_grew_all_that_it_holds() -> None:
    """
    Before its start it held nothing, even if its first sample came late.
    """
    began_ns = (HOUR_S - 60) * S
    held = holder_of("a", span(HOUR_S - 50, 390, HOUR_S - 5, 400), HOUR_S * S, began_ns=began_ns, resident_bytes=0)
    assert held is not None
    assert (mib(held.grew_bytes), held.within_s) == (400, 60.0)


def test_the_task_table_counts_where_it_shows_more_than_the_last_sample() -> None:
    """
    A container may take much between its last sample and the kill.
    """
    samples = span(HOUR_S - 300, 100, HOUR_S - 5, 110)
    held = holder_of("a", samples, HOUR_S * S, began_ns=0, resident_bytes=500 * MIB)
    assert held is not None
    assert (mib(held.held_bytes), mib(held.grew_bytes)) == (500, 400)


def test_samples_of_the_run_before_do_not_count() -> None:
    """
    A container that was restarted has given back what its last run held.
    """
    began_ns = (HOUR_S - 1) * S
    old = span(HOUR_S - 300, 100, HOUR_S - 5, 400)
    assert holder_of("a", old, HOUR_S * S, began_ns=began_ns, resident_bytes=0) is None


def test_one_sample_shows_no_growth() -> None:
    """
    Unknown growth is not zero.
    """
    samples = span(HOUR_S - 5, 100, HOUR_S - 5, 100)
    held = holder_of("a", samples, HOUR_S * S, began_ns=None, resident_bytes=0)
    assert held is not None
    assert (held.grew_bytes, mib(held.growth_at_most_bytes)) == (None, 100)


def test_growth_outside_of_containers_is_what_containers_do_not_explain() -> None:
    """
    The host's own processes took 500 MiB while the container stayed the same.
    """
    use = outside_use({at_s: (200 + (500 if at_s > 200 else 0), 100) for at_s in range(0, 300, 5)})
    held, unsampled = use.holder(300 * S)
    assert held is not None
    assert (mib(held.held_bytes), mib(held.grew_bytes), unsampled) == (600, 500, 0)


def test_what_a_container_took_since_its_last_sample_is_not_outside() -> None:
    """
    A container that is sampled every 15 s seems to grow outside in between: that counts as unknown.
    """
    use = outside_use({at_s: (200 + 10 * at_s // 3, 100 + 10 * (at_s // 15 * 15) // 3) for at_s in range(0, 150, 5)})
    held, unsampled = use.holder(150 * S)
    assert held is not None
    assert (mib(held.held_bytes), mib(unsampled)) == (100, 33)
    assert (held.grew_bytes or 0) <= 0


def test_a_victim_outside_of_containers_held_what_the_kernel_printed() -> None:
    """
    A process of the host that took its memory within seconds is its own witness.
    """
    use = outside_use({at_s: (300 if at_s < 290 else 950, 100) for at_s in range(0, 300, 5)})
    held, unsampled = use.holder(300 * S, 700 * MIB)
    assert held is not None
    assert (mib(held.held_bytes), mib(held.grew_bytes), mib(unsampled)) == (700, 500, 150)


def test_nothing_is_known_outside_without_the_available_memory() -> None:
    """
    Kernels before 3.14 do not print it.
    """
    use = OutsideUse()
    use.feed([], HostMemory(total_bytes=MIB), S)
    assert use.holder(2 * S) == (None, 0)
    assert use.host_bytes == MIB


@pytest.mark.parametrize(
    ("cgroup", "limit", "below"),
    [
        ("/tenant/web", "/tenant", True),
        ("/tenant/web", "/pod/tenant", True),
        ("/tenant/web", "/ant", False),
        ("/tenant", "/tenant", False),
        ("/tenant2/web", "/tenant", False),
        ("/tenant/web", None, True),
        ("/tenant/web", "/", True),
    ],
)
def test_containers_below_a_limit(cgroup: str, limit: str | None, *, below: bool) -> None:
    """
    Whole names of the path count; of the kernel's path, a cgroup namespace shows the end.
    """
    assert is_below(cgroup, limit) is below
