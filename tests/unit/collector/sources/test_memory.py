"""
The memory source: it begins at once, samples, and says where there is nothing to sample.
"""

import contextlib
from pathlib import Path

import pytest

from collector.correlate.facts import GapFact
from collector.correlate.memory_facts import MemoryRound
from collector.memory import sampler
from collector.sources.base import Reading, SourceMissingError
from collector.sources.memory import MemorySource, offered
from collector.sources.settings import MemoryConfig
from tests.unit.collector.memory.trees import ID, OTHER, v1, v1_container


async def first_readings(source: MemorySource, count: int) -> list[Reading]:
    async with contextlib.aclosing(source.readings(None)) as readings:
        return [await anext(readings) for _ in range(count)]


async def test_it_is_up_before_it_has_anything_to_tell(tmp_path: Path) -> None:
    """
    Then it tells of every container.
    """
    config = MemoryConfig(cgroups=str(v1(tmp_path)))
    assert offered(config)
    first, second = await first_readings(MemorySource(config), 2)
    assert first.facts == ()
    (told,) = second.facts
    assert isinstance(told, MemoryRound)
    assert [sample.container_id for sample in told.samples] == [ID]
    assert told.host is not None
    assert told.host.total_bytes


async def test_a_host_without_cgroups(tmp_path: Path) -> None:
    """
    Is not offered the source, and it says so where it is asked for.
    """
    config = MemoryConfig(cgroups=str(tmp_path))
    assert not offered(config)
    with pytest.raises(SourceMissingError):
        await first_readings(MemorySource(config), 1)


async def test_too_many_containers_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    How many are not followed.
    """
    monkeypatch.setattr(sampler, "_MOST_CONTAINERS", 1)
    v1_container(v1(tmp_path), OTHER, usage_mib=1, limit_mib=2)
    readings = await first_readings(MemorySource(MemoryConfig(cgroups=str(tmp_path))), 3)
    (gap,) = readings[2].facts
    assert isinstance(gap, GapFact)
    assert (gap.what, gap.count) == ("table_full", 1)
