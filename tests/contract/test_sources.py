"""
The contract of every source: it yields a position soon, continues from there without repeating or skipping, and leaves
nothing open.

The processes source cannot read the past, and its input is the kernel's own: see tests/live/test_processes_source.py.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.config.sources import DockerConfig, JournaldConfig, KmsgConfig
from collector.facts.kernel import KernelFact
from collector.facts.observed import Fact
from collector.host.clock import BootClock
from collector.sources.base import Position, Reading, Source, SourceMissingError
from collector.sources.docker.source import DockerSource
from collector.sources.journald.source import JournaldSource
from collector.sources.kmsg.source import KmsgSource
from parsers.docker_event import DockerEvent
from tests.unit.collector.sources.devices import Engine, Kmsg, kill

BOOT = "b" * 32
KINDS = ["kmsg", "journald", "docker"]
_REMOTE = Path("/lib/systemd/systemd-journal-remote")
_START_US = 1_790_000_000_000_000
_START_NS = 1_790_000_000_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """
    An input, and how to read it.

    Attributes:
        source: creates a source, as after a restart of the agent.
        missing: a source whose input does not exist.
        happen: makes something happen that has a number.
        again: opens the input again: the kernel's device then starts with the oldest record.
    """

    source: Callable[[], Source]
    missing: Source
    happen: Callable[[int], None]
    again: Callable[[], None] = lambda: None


@pytest.fixture(params=KINDS)
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Input]:
    makers = {"kmsg": kmsg_input, "journald": journald_input, "docker": docker_input}
    yield from makers[request.param](tmp_path)


def kmsg_input(directory: Path) -> Iterator[Input]:
    written: list[int] = []

    def source(path: Path) -> KmsgSource:
        return KmsgSource(KmsgConfig(path=str(path)), BOOT, BootClock())

    with Kmsg(directory / "kmsg") as device:

        def happen(number: int) -> None:
            written.append(number)
            device.write(kill(number, number))

        def again() -> None:
            for number in written:
                device.write(kill(number, number))

        yield Input(
            source=lambda: source(device.path),
            missing=source(directory / "none"),
            happen=happen,
            again=again,
        )


def journald_input(directory: Path) -> Iterator[Input]:
    pytest.importorskip("systemd.journal", reason="python-systemd is not installed")
    if not _REMOTE.exists():
        pytest.skip("systemd-journal-remote is not installed")
    journal = directory / "journal"
    journal.mkdir()

    def source(path: Path) -> JournaldSource:
        return JournaldSource(JournaldConfig(path=str(path)), BOOT, idle_s=0.05)

    def happen(number: int) -> None:
        text = kill(number, number).decode().partition(";")[2].strip()
        entry = (
            f"__REALTIME_TIMESTAMP={_START_US + number}\n__MONOTONIC_TIMESTAMP={number}\n_BOOT_ID={BOOT}\n"
            f"_TRANSPORT=kernel\nSYSLOG_FACILITY=0\n_SOURCE_MONOTONIC_TIMESTAMP={number}\nMESSAGE={text}\n\n"
        )
        made = directory / f"{number}.journal"
        subprocess.run([_REMOTE, "-o", made, "-"], input=entry.encode(), check=True, capture_output=True)
        made.rename(journal / made.name)

    happen(1)
    yield Input(source=lambda: source(journal), missing=source(directory / "none"), happen=happen)


def docker_input(directory: Path) -> Iterator[Input]:
    engine = Engine()
    connect: Any = engine.connect

    def happen(number: int) -> None:
        engine.emit("die", f"{number:064x}", _START_NS + number, exitCode="1")

    yield Input(
        source=lambda: DockerSource(DockerConfig(), BOOT, connect, wall_ns=lambda: _START_NS),
        missing=DockerSource(DockerConfig(url=f"unix://{directory}/none.sock"), BOOT),
        happen=happen,
    )
    assert (engine.open_streams, engine.open_clients) == (0, 0)


def numbers(reading: Reading) -> list[int]:
    return [number for fact in reading.facts if (number := _number(fact)) is not None]


def _number(fact: Fact) -> int | None:
    if isinstance(fact, KernelFact):
        return int(fact.line.text.split()[7])
    return int(fact.container_id, 16) if isinstance(fact, DockerEvent) else None


def stored(position: Position) -> Position:
    """
    Return the position as the store returns it.
    """
    found: Position = orjson.loads(orjson.dumps(position))
    return found


async def until(readings: AsyncIterator[Reading], number: int) -> tuple[list[int], Position]:
    """
    Return the numbers up to this one, and the position after it.
    """
    found: list[int] = []
    async with asyncio.timeout(20):
        while number not in found:
            reading = await anext(readings)
            found += numbers(reading)
    return found, stored(reading.position)


async def read(given: Input, number: int, position: Position | None = None) -> tuple[list[int], Position]:
    async with aclosing(given.source().readings(position)) as readings:
        return await until(readings, number)


async def test_a_source_yields_a_position_soon(given: Input) -> None:
    """
    The first reading comes even if nothing happens, and its position survives the store.
    """
    async with asyncio.timeout(5), aclosing(given.source().readings(None)) as readings:
        position = (await anext(readings)).position
    assert stored(position) == position


async def test_facts_are_yielded_while_they_happen(given: Input) -> None:
    """
    Facts are yielded as they happen, in order and each once.
    """
    async with aclosing(given.source().readings(None)) as readings:
        await anext(readings)
        for number in (2, 3, 4):
            given.happen(number)
        found, _ = await until(readings, 4)
    assert [number for number in found if number > 1] == [2, 3, 4]


async def test_after_a_restart_nothing_is_repeated_and_nothing_skipped(given: Input) -> None:
    """
    After a restart a source continues right after its stored position.
    """
    async with aclosing(given.source().readings(None)) as readings:
        await anext(readings)
        given.happen(2)
        _, position = await until(readings, 2)
    given.again()
    given.happen(3)
    given.happen(4)
    found, _ = await read(given, 4, position)
    assert found == [3, 4]


async def test_facts_that_were_not_stored_are_read_again(given: Input) -> None:
    """
    Facts that were read after the stored position are read again, as after a crash before the commit.
    """
    async with aclosing(given.source().readings(None)) as readings:
        await anext(readings)
        given.happen(2)
        _, position = await until(readings, 2)
        given.happen(3)
        await until(readings, 3)
    given.again()
    found, _ = await read(given, 3, position)
    assert found == [3]


async def test_a_missing_input_is_reported_as_missing(given: Input) -> None:
    """
    A source without its input raises SourceMissingError, so that the supervisor tries again.
    """
    with pytest.raises(SourceMissingError):
        async with asyncio.timeout(5), aclosing(given.missing.readings(None)) as readings:
            await anext(readings)


async def test_a_source_that_is_closed_leaves_nothing_open(given: Input) -> None:
    """
    A closed source leaves no files, threads or connections open.
    """
    async with aclosing(given.source().readings(None)) as readings:
        await anext(readings)
    before = _open_files()
    for _ in range(3):
        async with aclosing(given.source().readings(None)) as readings:
            await anext(readings)
    async with asyncio.timeout(5):
        while _open_files() - before:  # noqa: ASYNC110 (files have no event)
            await asyncio.sleep(0.01)


def _open_files() -> set[str]:
    """
    The files of this program that are open now, those of the loop aside.
    """
    found = (item for item in Path("/proc/self/fd").iterdir() if item.is_symlink())
    return {target for item in found if (target := _target(item)) and "/proc/" not in target}


def _target(link: Path) -> str | None:
    try:
        return f"{link.name} {link.readlink()}"
    except FileNotFoundError:
        return None
