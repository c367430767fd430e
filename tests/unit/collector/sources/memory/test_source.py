"""
The memory source: its first readings, a host without cgroups, too many containers.
"""

import contextlib
from pathlib import Path

import pytest

from collector.config.sources import MemoryConfig
from collector.facts.memory import MemoryRoundFact, MemorySample
from collector.facts.observed import GapFact
from collector.sources.base import Reading, SourceMissingError
from collector.sources.memory import sampler
from collector.sources.memory.scan_schedule import ScanSchedule
from collector.sources.memory.source import MemorySource, offered
from tests.unit.collector.memory.trees import ID, OTHER, v1, v1_container


async def first_readings(source: MemorySource, count: int) -> list[Reading]:
    async with contextlib.aclosing(source.readings(None)) as readings:
        return [await anext(readings) for _ in range(count)]


async def test_the_source_is_up_before_its_first_sample(tmp_path: Path) -> None:
    """
    The first reading is empty, the second has a sample of every container.
    """
    config = MemoryConfig(cgroups=str(v1(tmp_path)))
    assert offered(config)
    first, second = await first_readings(MemorySource(config), 2)
    assert first.facts == ()
    (samples,) = second.facts
    assert isinstance(samples, MemoryRoundFact)
    assert [sample.container_id for sample in samples.samples] == [ID]
    assert samples.host is not None
    assert samples.host.total_bytes


async def test_processes_wait_while_the_agent_is_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Samples go on, and the look at the processes comes when the agent has caught up.
    """
    asked: list[bool] = []

    def due(_schedule: object, _round: object, _now_ns: int) -> list[MemorySample]:
        asked.append(True)
        return []

    monkeypatch.setattr(ScanSchedule, "due", due)
    source = MemorySource(MemoryConfig(cgroups=str(v1(tmp_path)), interval_s=0.5))
    source.is_behind = True
    await first_readings(source, 3)
    assert asked == []
    source.is_behind = False
    await first_readings(source, 3)
    assert asked


async def test_a_host_without_cgroups_has_no_memory_source(tmp_path: Path) -> None:
    """
    The source is not offered, and starting it anyway is an error.
    """
    config = MemoryConfig(cgroups=str(tmp_path))
    assert not offered(config)
    with pytest.raises(SourceMissingError):
        await first_readings(MemorySource(config), 1)


async def test_too_many_containers_are_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The gap says how many containers are not sampled.
    """
    monkeypatch.setattr(sampler, "_MAX_CONTAINERS", 1)
    v1_container(v1(tmp_path), OTHER, usage_mib=1, limit_mib=2)
    readings = await first_readings(MemorySource(MemoryConfig(cgroups=str(tmp_path))), 3)
    (gap,) = readings[2].facts
    assert isinstance(gap, GapFact)
    assert (gap.what, gap.count) == ("table_full", 1)
