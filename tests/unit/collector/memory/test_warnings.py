"""
What is warned of before a container dies.
"""

from collections.abc import Callable
from functools import partial

import pytest

from collector.correlate.memory_facts import MemorySample
from collector.memory.latch import Level
from collector.memory.samples import SampleRing
from collector.memory.warnings import WINDOW_S, Alarm, HostWatch, PressureKind, PressureWatch, host_load
from parsers.cgroup_memory import Pressure, Stall
from parsers.meminfo import HostMemory

MIB = 1 << 20
S = 1_000_000_000
START_NS = 1_700_000_000 * S
LIMIT = 1024 * MIB
CALM = Stall(avg10_percent=0.0, avg60_percent=0.0, avg300_percent=0.0, total_us=0)


def sample(
    mib: float,
    *,
    at_s: float = 0.0,
    limit_bytes: int | None = LIMIT,
    container_id: str = "c",
    swap_mib: int = 0,
    stall_percent: float | None = None,
    limit_cgroup: str | None = None,
) -> MemorySample:
    stall = None
    if stall_percent is not None:
        stall = Stall(avg10_percent=stall_percent, avg60_percent=0.0, avg300_percent=0.0, total_us=0)
    return MemorySample(
        container_id=container_id,
        cgroup=f"/docker/{container_id}",
        at_ns=START_NS + int(at_s * S),
        usage_bytes=int(mib * MIB),
        working_set_bytes=int(mib * MIB),
        swap_bytes=swap_mib * MIB,
        limit_bytes=limit_bytes,
        limit_cgroup=limit_cgroup or f"/docker/{container_id}",
        pressure=Pressure(some=CALM, full=stall) if stall is not None else None,
    )


def run(level: Callable[[float], float], *, span_s: int, limit_bytes: int | None = LIMIT) -> list[Alarm]:
    """
    What is told while a working set follows `level`: MiB by seconds, a sample each 5 s.
    """
    ring, watch, alarms = SampleRing(), PressureWatch(), list[Alarm]()
    for at_s in range(0, span_s, 5):
        taken = sample(level(at_s), at_s=at_s, limit_bytes=limit_bytes)
        ring.add(taken)
        since_ns = taken.at_ns - int(WINDOW_S * S)
        alarms += watch.feed(taken, partial(ring.points, since_ns), at_s * S)
    return alarms


def kinds(alarms: list[Alarm]) -> list[tuple[PressureKind, Level]]:
    return [(alarm.kind, alarm.level) for alarm in alarms]


def test_the_two_thresholds_of_the_limit() -> None:
    """
    75 % warns, 90 % is critical, and it is told when it has passed, with the time it began.
    """
    levels = [500, 780, 930, 300, *[300] * 60]
    alarms = run(lambda at_s: levels[int(at_s // 60)], span_s=600)
    limit = [alarm for alarm in alarms if alarm.kind is PressureKind.LIMIT]
    assert [alarm.level for alarm in limit] == [Level.WARNING, Level.CRITICAL, Level.RESOLVED]
    assert {alarm.since_ns for alarm in limit} == {START_NS + 60 * S}


def test_sudden_growth_warns_far_from_the_limit() -> None:
    """
    From 100 to 400 MB in ten minutes, of 16 GiB.
    """
    alarms = run(lambda at_s: 95 + 286 * at_s / 600, span_s=605, limit_bytes=16 << 30)
    assert kinds(alarms) == [(PressureKind.GROWTH, Level.WARNING)]
    assert alarms[0].growth_bytes is not None
    assert alarms[0].growth_bytes >= 256 * MIB


def test_large_containers_may_grow() -> None:
    """
    300 MB more of 4 GB is no news; neither is growth without a limit that does not double.
    """
    assert run(lambda at_s: 4000 + at_s / 2, span_s=605, limit_bytes=16 << 30) == []


def test_the_forecast_warns_before_the_threshold() -> None:
    """
    9 MiB a minute from 500 of 1024 MiB: half an hour before the limit, at 754 MiB, under 75 %.
    """
    alarms = run(lambda at_s: 500 + 9 * at_s / 60, span_s=3000)
    first = alarms[0]
    assert (first.kind, first.level) == (PressureKind.FORECAST, Level.WARNING)
    assert first.forecast is not None
    assert first.forecast.seconds == pytest.approx(1800, rel=0.02)
    assert first.sample is not None
    assert first.sample.working_set_bytes < 0.75 * LIMIT


def test_a_steady_container_is_silent() -> None:
    """
    For an hour, at 70 %.
    """
    assert run(lambda at_s: 716 + at_s % 7, span_s=3600) == []


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (sample(100, stall_percent=12.0), [(PressureKind.STALL, Level.WARNING)]),
        (sample(100, stall_percent=45.0), [(PressureKind.STALL, Level.CRITICAL)]),
        (sample(100, stall_percent=5.0), []),
        (sample(100, swap_mib=50), [(PressureKind.SWAP, Level.WARNING)]),
        (sample(100, swap_mib=10), []),
        (sample(100, limit_bytes=None), []),
    ],
)
def test_stalls_and_swap(taken: MemorySample, expected: list[tuple[PressureKind, Level]]) -> None:
    """
    All tasks waiting for a tenth of the time; a quarter swapped out.
    """
    assert kinds(PressureWatch().feed(taken, tuple, 0)) == expected


def test_the_host_is_promised_more_than_it_has() -> None:
    """
    Two limits of 1 GiB on a host of 1.5; nothing is told of working sets that fit.
    """
    samples = [sample(100, container_id="a"), sample(100, container_id="b"), sample(5, limit_bytes=None)]
    alarms = HostWatch().feed(samples, HostMemory(total_bytes=1536 * MIB), START_NS, 0)
    assert kinds(alarms) == [(PressureKind.HOST_LIMITS, Level.WARNING)]
    load = alarms[0].load
    assert load is not None
    assert (load.containers, load.unlimited, load.limits_bytes) == (3, 1, 2048 * MIB)


def test_the_host_is_full_of_working_sets() -> None:
    """
    Whether they have limits or not.
    """
    samples = [sample(700, container_id="a", limit_bytes=None), sample(800, container_id="b", limit_bytes=None)]
    alarms = HostWatch().feed(samples, HostMemory(total_bytes=1536 * MIB), START_NS, 0)
    assert kinds(alarms) == [(PressureKind.HOST_MEMORY, Level.CRITICAL)]


def test_a_shared_limit_counts_once() -> None:
    """
    Two containers of a pod under the pod's limit.
    """
    samples = [sample(1, container_id=name, limit_cgroup="/pod") for name in "ab"]
    load = host_load(samples, HostMemory(total_bytes=1536 * MIB))
    assert load is not None
    assert load.limits_bytes == LIMIT


def test_without_the_hosts_size_nothing_is_compared() -> None:
    """
    Rather than with zero.
    """
    assert HostWatch().feed([sample(1)], HostMemory(), START_NS, 0) == []
    assert HostWatch().feed([sample(1)], None, START_NS, 0) == []
