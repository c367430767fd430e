"""
Probing whether each source can be read.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.config.sections import SourcesConfig
from collector.config.sources import KmsgConfig
from collector.runtime import probe
from collector.runtime.probe import ProbeResult
from collector.sources import SOURCES
from collector.sources.base import Position, Reading
from collector.sources.kmsg.source import KmsgSource
from tests.unit.collector.sources.devices import Kmsg


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Kmsg]:
    with Kmsg(tmp_path / "kmsg") as made:
        yield made


async def probed(kmsg: KmsgConfig) -> ProbeResult:
    """
    Return the result for one source; the others are off.
    """
    off: dict[str, Any] = {name: {"enabled": False} for name in SOURCES if name != "kmsg"}
    config = msgspec.structs.replace(msgspec.convert(off, SourcesConfig), kmsg=kmsg)
    found = await probe.probe(config)
    assert [item.name for item in found] == list(SOURCES)
    assert {item.text for item in found if item.name != "kmsg"} <= {"off"}
    return found[0]


async def test_a_source_that_can_be_read(device: Kmsg) -> None:
    """
    The probe reads for a moment, with the same source that the agent runs.
    """
    assert await probed(KmsgConfig(path=str(device.path))) == ProbeResult(name="kmsg", failed=False, text="can be read")


async def test_a_source_that_is_off_is_not_touched(tmp_path: Path) -> None:
    """
    A source that is off is not a failure, whether the host has it or not.
    """
    config = KmsgConfig(enabled=False, path=str(tmp_path / "none"))
    assert await probed(config) == ProbeResult(name="kmsg", failed=False, text="off")


async def test_a_missing_optional_source_is_not_a_failure(tmp_path: Path) -> None:
    """
    A source set to "auto" may be missing.
    """
    config = KmsgConfig(path=str(tmp_path / "none"))
    assert await probed(config) == ProbeResult(name="kmsg", failed=False, text="not on this host")


async def test_a_missing_required_source_is_a_failure(tmp_path: Path) -> None:
    """
    A source with `enabled = true` must be there.
    """
    found = await probed(KmsgConfig(enabled=True, path=str(tmp_path / "none")))
    assert found.failed
    assert "none does not exist" in found.text


async def test_a_source_that_may_not_be_read_is_a_failure(device: Kmsg, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Missing privileges are a failure even for an optional source, and the result names the remedy.
    """

    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)
    found = await probed(KmsgConfig(path=str(device.path)))
    assert found.failed
    assert "CAP_SYSLOG" in found.text


async def test_a_source_that_does_not_answer_is_a_failure(device: Kmsg, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A source that works yields a first position soon.
    """

    async def silent(source: KmsgSource, position: Position | None) -> AsyncGenerator[Reading]:
        await asyncio.Event().wait()
        yield Reading(facts=(), position={})

    monkeypatch.setattr(probe, "_TIMEOUT_S", 0.01)
    monkeypatch.setattr(KmsgSource, "readings", silent)
    found = await probed(KmsgConfig(path=str(device.path)))
    assert found.failed
    assert "no answer" in found.text
