"""
Warnings and stuck containers, from rounds of samples.
"""

from collections.abc import Callable

from collector.facts.memory import MemoryRoundFact, MemorySample
from collector.memory.latch import Level
from collector.memory.pressure import PressureAlert, PressureKind
from collector.memory.stuck import Stuck, StuckState
from collector.memory.watch import MemoryFinding, MemoryWatch
from parsers.proc_files import HostMemory
from tests.unit.collector.memory.curves import teeth

MIB = 1 << 20
S = 1_000_000_000
START_NS = 1_700_000_000 * S
HOST = HostMemory(total_bytes=64 << 30)


def sample(mib: float, at_s: float, *, cpu_s: float = 0.0) -> MemorySample:
    return MemorySample(
        container_id="c",
        cgroup="/docker/c",
        at_ns=START_NS + int(at_s * S),
        usage_bytes=int(mib * MIB),
        working_set_bytes=int(mib * MIB),
        anon_bytes=int(mib * MIB),
        limit_bytes=1024 * MIB,
        limit_cgroup="/docker/c",
        cpu_ns=int(cpu_s * S),
    )


def take(watch: MemoryWatch, one: MemorySample) -> list[MemoryFinding]:
    return watch.feed(MemoryRoundFact(at_ns=one.at_ns, samples=(one,), host=HOST), one.at_ns - START_NS)


def run(watch: MemoryWatch, level: Callable[[float], float], seconds: range) -> list[MemoryFinding]:
    return [finding for at_s in seconds for finding in take(watch, sample(level(at_s), at_s, cpu_s=at_s / 10))]


def kinds(findings: list[MemoryFinding]) -> list[tuple[PressureKind, Level]]:
    return [(one.kind, one.level) for one in findings if isinstance(one, PressureAlert)]


def test_a_leak_is_reported_before_the_limit() -> None:
    """
    A leak is first reported by the forecast, then by the limit.
    """
    reported = kinds(run(MemoryWatch(), lambda at_s: 300 + at_s / 5, range(0, 2400, 5)))
    assert reported[0] == (PressureKind.FORECAST, Level.WARNING)
    assert (PressureKind.LIMIT, Level.WARNING) in reported


def test_the_growth_of_a_sawtooth_is_not_reported() -> None:
    """
    A heap that doubles and falls every quarter of an hour is recognized after four teeth.
    """
    saw, watch = teeth(16, 150, 600), MemoryWatch()
    run(watch, lambda at_s: saw(at_s / 14_400), range(0, 3600, 5))
    reported = kinds(run(watch, lambda at_s: saw(at_s / 14_400), range(3600, 14_400, 5)))
    assert [kind for kind, level in reported if level is not Level.RESOLVED] == []


def test_only_a_reported_warning_is_resolved() -> None:
    """
    The end of a warning is reported only if its beginning was.
    """
    levels = [100.0] * 120 + [500.0] * 400
    reported = kinds(run(MemoryWatch(), lambda at_s: levels[int(at_s // 5)], range(0, 2600, 5)))
    assert reported == [(PressureKind.GROWTH, Level.WARNING), (PressureKind.GROWTH, Level.RESOLVED)]


def test_a_container_that_spins_after_the_kill_of_a_child_is_stuck() -> None:
    """
    The CPU time comes with the samples.
    """
    watch = MemoryWatch()
    run(watch, lambda _: 100, range(0, 60, 5))
    assert watch.add_child_kill("c", "kill-1", START_NS + 60 * S) == []
    spun = [one for at_s in range(65, 120, 5) for one in take(watch, sample(100, at_s, cpu_s=at_s))]
    assert [one.state for one in spun if isinstance(one, Stuck)] == [StuckState.SPINNING]


def test_a_health_check_that_failed_before_the_kill_does_not_count() -> None:
    """
    It has another cause, and counts only when it fails again after a success.
    """
    watch = MemoryWatch()
    take(watch, sample(100, 0))
    watch.add_health("c", "unhealthy", START_NS)
    watch.add_child_kill("c", "kill-1", START_NS + S)
    assert watch.add_health("c", "unhealthy", START_NS + 2 * S) == []
    watch.add_health("c", "healthy", START_NS + 3 * S)
    (stuck,) = watch.add_health("c", "unhealthy", START_NS + 4 * S)
    assert isinstance(stuck, Stuck)
    assert stuck.state is StuckState.UNHEALTHY


def test_the_curve_outlives_the_container() -> None:
    """
    The curve is kept for ten minutes after the container has gone.
    """
    watch = MemoryWatch()
    take(watch, sample(100, 0))
    watch.feed(MemoryRoundFact(at_ns=START_NS + S, samples=(), gone=("c",)), S)
    watch.feed(MemoryRoundFact(at_ns=START_NS + 600 * S, samples=()), 600 * S)
    assert watch.curve("c", START_NS + S) is not None
    watch.feed(MemoryRoundFact(at_ns=START_NS + 601 * S, samples=()), 601 * S)
    assert watch.curve("c", START_NS + S) is None


def test_a_restart_begins_a_new_curve() -> None:
    """
    CPU time that starts again from zero shows a new run; the old curve remains for the death before it.
    """
    watch = MemoryWatch()
    take(watch, sample(900, 0, cpu_s=50))
    take(watch, sample(100, 10, cpu_s=1))
    before, after = watch.curve("c", START_NS + 9 * S), watch.curve("c", START_NS + 11 * S)
    assert before is not None
    assert after is not None
    assert (before.peak_bytes, after.peak_bytes) == (900 * MIB, 100 * MIB)


def test_unknown_containers_are_ignored() -> None:
    """
    Kills and health checks of containers without samples have no effect.
    """
    watch = MemoryWatch()
    assert watch.add_child_kill("c", "kill-1", 0) == watch.add_health("c", "unhealthy", 0) == []
    assert watch.curve("c", 0) is None
