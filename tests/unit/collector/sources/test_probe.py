"""
Whether each source can be read now.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.config import SourcesConfig
from collector.sources import SOURCES, probe
from collector.sources.base import Position, Reading
from collector.sources.kmsg import KmsgSource
from collector.sources.probe import Probed
from collector.sources.settings import KmsgConfig
from tests.unit.collector.sources.devices import Kmsg


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Kmsg]:
    with Kmsg(tmp_path / "kmsg") as made:
        yield made


async def probed(kmsg: KmsgConfig) -> Probed:
    """
    What is said of one source; the others are off.
    """
    off: dict[str, Any] = {name: {"enabled": False} for name in SOURCES if name != "kmsg"}
    config = msgspec.structs.replace(msgspec.convert(off, SourcesConfig), kmsg=kmsg)
    found = await probe.probe(config)
    assert [item.name for item in found] == list(SOURCES)
    assert {item.text for item in found if item.name != "kmsg"} <= {"off"}
    return found[0]


async def test_what_can_be_read_is_read(device: Kmsg) -> None:
    """
    For a moment, with the very source that will run.
    """
    assert await probed(KmsgConfig(path=str(device.path))) == Probed(name="kmsg", failed=False, text="can be read")


async def test_what_is_off_is_not_touched(tmp_path: Path) -> None:
    """
    Whether it is there or not.
    """
    config = KmsgConfig(enabled=False, path=str(tmp_path / "none"))
    assert await probed(config) == Probed(name="kmsg", failed=False, text="off")


async def test_what_this_host_does_not_have_is_no_failure(tmp_path: Path) -> None:
    """
    Nobody asked for it.
    """
    config = KmsgConfig(path=str(tmp_path / "none"))
    assert await probed(config) == Probed(name="kmsg", failed=False, text="not on this host")


async def test_what_was_asked_for_and_is_not_there_is_a_failure(tmp_path: Path) -> None:
    """
    The configuration says `true`.
    """
    found = await probed(KmsgConfig(enabled=True, path=str(tmp_path / "none")))
    assert found.failed
    assert "none does not exist" in found.text


async def test_what_is_there_and_may_not_be_read_is_a_failure(device: Kmsg, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With the remedy, though nobody asked for it: somebody should know.
    """

    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)
    found = await probed(KmsgConfig(path=str(device.path)))
    assert found.failed
    assert "CAP_SYSLOG" in found.text


async def test_what_gives_nothing_is_a_failure(device: Kmsg, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A source that works says soon where it stands.
    """

    async def silent(source: KmsgSource, position: Position | None) -> AsyncGenerator[Reading]:
        await asyncio.Event().wait()
        yield Reading(facts=(), position={})

    monkeypatch.setattr(probe, "_PATIENCE_S", 0.01)
    monkeypatch.setattr(KmsgSource, "readings", silent)
    found = await probed(KmsgConfig(path=str(device.path)))
    assert found.failed
    assert "gives nothing" in found.text
