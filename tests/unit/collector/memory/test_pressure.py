"""
Warnings before a container dies.
"""

from collections.abc import Callable
from functools import partial

import pytest

from collector.facts.memory import MemorySample
from collector.memory.container_pressure import WINDOW_S, ContainerPressure
from collector.memory.host_pressure import HostPressure, host_load
from collector.memory.latch import Level
from collector.memory.pressure import PressureAlert, PressureKind
from collector.memory.sample_ring import SampleRing
from parsers.cgroup_memory import Pressure, Stall
from parsers.proc_files import HostMemory

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


def run(level: Callable[[float], float], *, span_s: int, limit_bytes: int | None = LIMIT) -> list[PressureAlert]:
    """
    Return the alerts while the working set follows `level` (MiB by seconds), sampled every 5 s.
    """
    ring, watch, alerts = SampleRing(), ContainerPressure(), list[PressureAlert]()
    for at_s in range(0, span_s, 5):
        taken = sample(level(at_s), at_s=at_s, limit_bytes=limit_bytes)
        ring.add(taken)
        since_ns = taken.at_ns - int(WINDOW_S * S)
        alerts += watch.feed(taken, partial(ring.points, since_ns), at_s * S)
    return alerts


def kinds(alerts: list[PressureAlert]) -> list[tuple[PressureKind, Level]]:
    return [(alert.kind, alert.level) for alert in alerts]


def test_the_two_thresholds_of_the_limit() -> None:
    """
    75 % is a warning, 90 % is critical, and the end is reported with the time of the beginning.
    """
    levels = [500, 780, 930, 300, *[300] * 60]
    alerts = run(lambda at_s: levels[int(at_s // 60)], span_s=600)
    limit = [alert for alert in alerts if alert.kind is PressureKind.LIMIT]
    assert [alert.level for alert in limit] == [Level.WARNING, Level.CRITICAL, Level.RESOLVED]
    assert {alert.since_ns for alert in limit} == {START_NS + 60 * S}


def test_sudden_growth_warns_far_from_the_limit() -> None:
    """
    Growth from 95 to 381 MiB in ten minutes is a warning even if the limit is 16 GiB.
    """
    alerts = run(lambda at_s: 95 + 286 * at_s / 600, span_s=605, limit_bytes=16 << 30)
    assert kinds(alerts) == [(PressureKind.GROWTH, Level.WARNING)]
    assert alerts[0].growth_bytes is not None
    assert alerts[0].growth_bytes >= 256 * MIB


def test_growth_without_doubling_is_not_reported() -> None:
    """
    Growth by 300 MiB is not a warning if the container had 4 GB before.
    """
    assert run(lambda at_s: 4000 + at_s / 2, span_s=605, limit_bytes=16 << 30) == []


def test_the_forecast_warns_before_the_threshold() -> None:
    """
    At 9 MiB per minute and a limit of 1024 MiB the forecast warns half an hour ahead, at 754 MiB, below 75 %.
    """
    alerts = run(lambda at_s: 500 + 9 * at_s / 60, span_s=3000)
    first = alerts[0]
    assert (first.kind, first.level) == (PressureKind.FORECAST, Level.WARNING)
    assert first.forecast is not None
    assert first.forecast.seconds == pytest.approx(1800, rel=0.02)
    assert first.sample is not None
    assert first.sample.working_set_bytes < 0.75 * LIMIT


def test_a_steady_container_gives_no_warning() -> None:
    """
    An hour at 70 % of the limit gives no warning.
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
    Tasks that wait for a tenth of the time, or a quarter of the memory in swap, are a warning.
    """
    assert kinds(ContainerPressure().feed(taken, tuple, 0)) == expected


def test_limits_beyond_the_hosts_memory_are_a_warning() -> None:
    """
    Two limits of 1 GiB overcommit a host of 1.5 GiB; working sets that fit give no warning.
    """
    samples = [sample(100, container_id="a"), sample(100, container_id="b"), sample(5, limit_bytes=None)]
    alerts = HostPressure().feed(samples, HostMemory(total_bytes=1536 * MIB), START_NS, 0)
    assert kinds(alerts) == [(PressureKind.HOST_LIMITS, Level.WARNING)]
    load = alerts[0].load
    assert load is not None
    assert (load.containers, load.unlimited, load.limits_bytes) == (3, 1, 2048 * MIB)


def test_working_sets_that_fill_the_host_are_critical() -> None:
    """
    Working sets count whether the containers have limits or not.
    """
    samples = [sample(700, container_id="a", limit_bytes=None), sample(800, container_id="b", limit_bytes=None)]
    alerts = HostPressure().feed(samples, HostMemory(total_bytes=1536 * MIB), START_NS, 0)
    assert kinds(alerts) == [(PressureKind.HOST_MEMORY, Level.CRITICAL)]


def test_a_shared_limit_counts_once() -> None:
    """
    The limit of a pod counts once for two containers of the pod.
    """
    samples = [sample(1, container_id=name, limit_cgroup="/pod") for name in "ab"]
    load = host_load(samples, HostMemory(total_bytes=1536 * MIB))
    assert load is not None
    assert load.limits_bytes == LIMIT


def test_without_the_hosts_memory_nothing_is_compared() -> None:
    """
    If the memory of the host is unknown, nothing is compared with it.
    """
    assert HostPressure().feed([sample(1)], HostMemory(), START_NS, 0) == []
    assert HostPressure().feed([sample(1)], None, START_NS, 0) == []
