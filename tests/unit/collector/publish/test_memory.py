"""
The events of warnings and of stuck containers: by the schema, with a sentence and the figures.
"""

from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator

import sinks
from collector.facts.memory import MemorySample
from collector.memory.forecast import Forecast
from collector.memory.latch import Level
from collector.memory.pressure import HostLoad, PressureAlert, PressureKind
from collector.memory.sample_ring import SampleRing
from collector.memory.stuck import Stuck, StuckState
from collector.publish.memory import memory_of, pressure_event, stuck_event
from sinks.event import Event, Host, to_json
from sinks.text import duration

MIB = 1 << 20
S = 1_000_000_000
AT_NS = 1_700_000_000 * S
ID = "4e1d" * 16
HOST = Host(id="m")
SCHEMA = Draft202012Validator(orjson.loads((Path(sinks.__file__).parent / "event.schema.json").read_bytes()))
AHEAD = Forecast(growth_bytes_per_s=9 * MIB / 60, seconds=1800.0, soonest_s=1500.0, latest_s=2000.0)
LOAD = HostLoad(total_bytes=8 << 30, working_sets_bytes=7 << 30, limits_bytes=9 << 30, containers=5, unlimited=2)


def sample(mib: int = 400, file_mib: int = 10, at_s: float = 0.0) -> MemorySample:
    return MemorySample(
        container_id=ID,
        cgroup=f"/docker/{ID}",
        at_ns=AT_NS + int(at_s * S),
        usage_bytes=mib * MIB,
        working_set_bytes=mib * MIB,
        anon_bytes=(mib - file_mib) * MIB,
        file_bytes=file_mib * MIB,
        swap_bytes=50 * MIB,
        limit_bytes=512 * MIB,
        limit_cgroup=f"/docker/{ID}",
    )


def alert(kind: PressureKind, level: Level = Level.WARNING, one: MemorySample | None = None) -> PressureAlert:
    about_host = kind in {PressureKind.HOST_LIMITS, PressureKind.HOST_MEMORY}
    return PressureAlert(
        kind=kind,
        level=level,
        value=12.0,
        at_ns=AT_NS,
        since_ns=AT_NS - 720 * S,
        sample=None if about_host else one or sample(),
        growth_bytes=286 * MIB,
        forecast=AHEAD,
        load=LOAD if about_host else None,
    )


def checked(event: Event) -> Event:
    SCHEMA.validate(orjson.loads(to_json(event)))
    return event


def ring_of(levels: list[int]) -> SampleRing:
    ring = SampleRing()
    for index, mib in enumerate(levels):
        ring.add(sample(mib, at_s=5.0 * (index - len(levels))))
    return ring


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (PressureKind.LIMIT, "Container 4e1d4e1d4e1d uses 78 % of its memory limit, 400 MiB of 512 MiB."),
        (PressureKind.GROWTH, "Container 4e1d4e1d4e1d grew by 286 MiB in ten minutes, to 400 MiB."),
        (
            PressureKind.FORECAST,
            (
                "Container 4e1d4e1d4e1d is growing by 9 MiB per minute and will reach its limit of 512 MiB"
                " in about 30 minutes, at the earliest in 25 minutes."
            ),
        ),
        (
            PressureKind.STALL,
            "All processes of container 4e1d4e1d4e1d were waiting for memory during 12 % of the last 10 s.",
        ),
        (PressureKind.SWAP, "Container 4e1d4e1d4e1d has 50 MiB in swap and 400 MiB in memory."),
        (
            PressureKind.HOST_MEMORY,
            "The containers use 7 GiB of the host's 8 GiB; 2 of 5 containers have no limit.",
        ),
        (
            PressureKind.HOST_LIMITS,
            "The containers' memory limits add up to 9 GiB, the host has 8 GiB; 2 of 5 containers have no limit.",
        ),
    ],
)
def test_each_warning_has_its_sentence(kind: PressureKind, sentence: str) -> None:
    """
    The event of a warning and that of its end follow the schema.
    """
    event = checked(pressure_event(alert(kind), HOST, None, None))
    resolved = checked(pressure_event(alert(kind, Level.RESOLVED), HOST, None, None))
    assert event.message == sentence
    assert resolved.message.endswith("was resolved after 12 minutes.")
    assert event.id != resolved.id


def test_file_cache_is_named() -> None:
    """
    A warning says so if most of the memory is file cache: then it is not urgent.
    """
    event = pressure_event(alert(PressureKind.LIMIT, one=sample(file_mib=300)), HOST, None, None)
    assert event.message.endswith("400 MiB of 512 MiB; 300 MiB of its memory is file cache.")


def test_the_same_warning_has_the_same_id() -> None:
    """
    The id is the same however often the event is published; another level has another id.
    """
    ids = [pressure_event(alert(PressureKind.LIMIT, level), HOST, None, None).id for level in [*Level, *Level]]
    assert len(set(ids)) == 3


def test_the_curve_before_a_kill_is_described() -> None:
    """
    The event has the shape, the parts and the newest points; a kill at the limit is the last point.
    """
    memory = memory_of(ring_of([210] * 100), AT_NS, killed_at_limit=512 * MIB)
    assert memory is not None
    assert (memory.trend, memory.peak_bytes, memory.rise_s) == ("spike", 512 * MIB, 5.0)
    assert memory.series.seconds[-2:] == (-5.0, 0.0)
    assert memory.series.bytes[-2:] == (210 * MIB, 512 * MIB)
    assert memory.limit_cgroup is None


def test_a_sample_of_a_dying_process_is_not_part_of_the_curve() -> None:
    """
    Such a sample was taken after the kill, whatever the clocks say; with a fall at its end a leak would not be
    recognized.
    """
    ring = ring_of(list(range(100, 500, 4)))
    ring.add(sample(28, at_s=-0.04))
    memory = memory_of(ring, AT_NS, killed_at_limit=512 * MIB)
    assert memory is not None
    assert (memory.trend, memory.series.seconds[-2], memory.series.bytes[-2]) == ("leak", -5.0, 496 * MIB)
    assert memory.working_set_bytes == 496 * MIB


def test_a_long_curve_is_published_in_few_points() -> None:
    """
    The newest points and the oldest are among them.
    """
    memory = memory_of(ring_of(list(range(10, 500))), AT_NS)
    assert memory is not None
    assert len(memory.series.seconds) == len(memory.series.bytes) <= 120
    assert memory.series.bytes[-1] == 499 * MIB
    assert memory.series.bytes[0] < 30 * MIB


def test_without_samples_there_is_no_memory_object() -> None:
    """
    Missing samples are not published as zeros.
    """
    assert memory_of(SampleRing(), AT_NS) is None


@pytest.mark.parametrize(
    ("state", "sentence", "over"),
    [
        (
            StuckState.SPINNING,
            "is still running but has been using all its CPU for 40 s, after 2 of its processes were OOM-killed.",
            "is no longer using all its CPU (lasted 40 s).",
        ),
        (
            StuckState.UNHEALTHY,
            "is still running but fails its health check, after 2 of its processes were OOM-killed.",
            "is healthy again after 40 s.",
        ),
        (
            StuckState.KILLING,
            "is still running but keeps losing processes to the OOM killer: 2 in 40 s.",
            "has lost no more processes for ten minutes; 2 of its processes were OOM-killed before.",
        ),
    ],
)
def test_each_bad_state_has_its_sentence(state: StuckState, sentence: str, over: str) -> None:
    """
    The beginning and the end of a state each have a sentence and name the events of the kills.
    """
    for resolved, expected in ((False, sentence), (True, over)):
        stuck = Stuck(
            container_id=ID,
            state=state,
            resolved=resolved,
            at_ns=AT_NS,
            since_ns=AT_NS - 40 * S,
            kills=2,
            first_kill_ns=AT_NS - 50 * S,
            kill_ids=("a", "b"),
            cpu_share=1.0,
        )
        event = checked(stuck_event(stuck, HOST, None, ring_of([100] * 20)))
        assert event.message == f"Container 4e1d4e1d4e1d {expected}"
        assert event.exit137.stuck is not None
        assert event.exit137.stuck.oom_kill_ids == ("a", "b")


def test_durations() -> None:
    """
    In the unit that a person would use.
    """
    assert [duration(seconds) for seconds in (40, 119, 720, 12_600)] == ["40 s", "119 s", "12 minutes", "3.5 hours"]
