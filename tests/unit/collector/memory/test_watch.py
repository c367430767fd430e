"""
What is told of containers whose memory is followed.
"""

from collections.abc import Callable

from collector.correlate.memory_facts import MemoryRound, MemorySample
from collector.memory.latch import Level
from collector.memory.stuck import Stuck, StuckState
from collector.memory.warnings import Alarm, PressureKind
from collector.memory.watch import Finding, MemoryWatch
from parsers.meminfo import HostMemory
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


def take(watch: MemoryWatch, one: MemorySample) -> list[Finding]:
    return watch.feed(MemoryRound(at_ns=one.at_ns, samples=(one,), host=HOST), one.at_ns - START_NS)


def run(watch: MemoryWatch, level: Callable[[float], float], seconds: range) -> list[Finding]:
    return [told for at_s in seconds for told in take(watch, sample(level(at_s), at_s, cpu_s=at_s / 10))]


def kinds(findings: list[Finding]) -> list[tuple[PressureKind, Level]]:
    return [(told.kind, told.level) for told in findings if isinstance(told, Alarm)]


def test_a_leak_is_told_in_time() -> None:
    """
    First the forecast, then the limit.
    """
    told = kinds(run(MemoryWatch(), lambda at_s: 300 + at_s / 5, range(0, 2400, 5)))
    assert told[0] == (PressureKind.FORECAST, Level.WARNING)
    assert (PressureKind.LIMIT, Level.WARNING) in told


def test_the_growth_of_a_collectors_heap_is_no_news() -> None:
    """
    Its sawtooth doubles and falls every quarter of an hour; after four of its teeth it is known for one.
    """
    saw, watch = teeth(16, 150, 600), MemoryWatch()
    run(watch, lambda at_s: saw(at_s / 14_400), range(0, 3600, 5))
    told = kinds(run(watch, lambda at_s: saw(at_s / 14_400), range(3600, 14_400, 5)))
    assert [kind for kind, level in told if level is not Level.RESOLVED] == []


def test_what_was_not_told_does_not_pass() -> None:
    """
    What was told does.
    """
    levels = [100.0] * 120 + [500.0] * 400
    told = kinds(run(MemoryWatch(), lambda at_s: levels[int(at_s // 5)], range(0, 2600, 5)))
    assert told == [(PressureKind.GROWTH, Level.WARNING), (PressureKind.GROWTH, Level.RESOLVED)]


def test_a_container_that_spins_after_the_kill_of_a_child() -> None:
    """
    Its CPU time comes with its samples.
    """
    watch = MemoryWatch()
    run(watch, lambda _: 100, range(0, 60, 5))
    assert watch.killed("c", "kill-1", START_NS + 60 * S) == []
    spun = [told for at_s in range(65, 120, 5) for told in take(watch, sample(100, at_s, cpu_s=at_s))]
    assert [told.state for told in spun if isinstance(told, Stuck)] == [StuckState.SPINNING]


def test_a_health_check_that_failed_before_the_kill() -> None:
    """
    Has another reason; it counts when it fails again.
    """
    watch = MemoryWatch()
    take(watch, sample(100, 0))
    watch.health("c", "unhealthy", START_NS)
    watch.killed("c", "kill-1", START_NS + S)
    assert watch.health("c", "unhealthy", START_NS + 2 * S) == []
    watch.health("c", "healthy", START_NS + 3 * S)
    (told,) = watch.health("c", "unhealthy", START_NS + 4 * S)
    assert isinstance(told, Stuck)
    assert told.state is StuckState.UNHEALTHY


def test_the_curve_outlives_the_container() -> None:
    """
    For ten minutes.
    """
    watch = MemoryWatch()
    take(watch, sample(100, 0))
    watch.feed(MemoryRound(at_ns=START_NS + S, samples=(), gone=("c",)), S)
    watch.feed(MemoryRound(at_ns=START_NS + 600 * S, samples=()), 600 * S)
    assert watch.curve("c", START_NS + S) is not None
    watch.feed(MemoryRound(at_ns=START_NS + 601 * S, samples=()), 601 * S)
    assert watch.curve("c", START_NS + S) is None


def test_a_restart_begins_a_new_curve() -> None:
    """
    Seen by the CPU time that begins anew; the death before it is told with the old curve.
    """
    watch = MemoryWatch()
    take(watch, sample(900, 0, cpu_s=50))
    take(watch, sample(100, 10, cpu_s=1))
    before, after = watch.curve("c", START_NS + 9 * S), watch.curve("c", START_NS + 11 * S)
    assert before is not None
    assert after is not None
    assert (before.peak_bytes, after.peak_bytes) == (900 * MIB, 100 * MIB)


def test_what_is_not_followed_is_no_failure() -> None:
    """
    Kills and health checks of containers without samples.
    """
    watch = MemoryWatch()
    assert watch.killed("c", "kill-1", 0) == watch.health("c", "unhealthy", 0) == []
    assert watch.curve("c", 0) is None
