"""
What every source owes the agent: it says soon where it stands, goes on from there without repeating or skipping, and
leaves nothing open.

The processes source has no position, and its input is the kernel's own: see tests/live/test_processes_source.py.
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

from collector.correlate.facts import Fact, KernelFact
from collector.hostclock import BootClock
from collector.sources.base import Position, Reading, Source, SourceMissingError
from collector.sources.docker import DockerSource
from collector.sources.journald import JournaldSource
from collector.sources.kmsg import KmsgSource
from collector.sources.settings import DockerConfig, JournaldConfig, KmsgConfig
from parsers.docker_event import DockerEvent
from tests.unit.collector.sources.devices import Engine, Kmsg, kill

BOOT = "b" * 32
KINDS = ["kmsg", "journald", "docker"]
_REMOTE = Path("/lib/systemd/systemd-journal-remote")
_START_US = 1_790_000_000_000_000
_START_NS = 1_790_000_000_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    An input, and how to read it.

    Attributes:
        source: a new source, as after a restart of the agent.
        missing: one whose input is not there.
        happen: something happens, with a number.
        again: the input is opened anew: the kernel's device then begins with the oldest record.
    """

    source: Callable[[], Source]
    missing: Source
    happen: Callable[[int], None]
    again: Callable[[], None] = lambda: None


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    makers = {"kmsg": kmsg_place, "journald": journald_place, "docker": docker_place}
    yield from makers[request.param](tmp_path)


def kmsg_place(directory: Path) -> Iterator[Place]:
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

        yield Place(
            source=lambda: source(device.path),
            missing=source(directory / "none"),
            happen=happen,
            again=again,
        )


def journald_place(directory: Path) -> Iterator[Place]:
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
    yield Place(source=lambda: source(journal), missing=source(directory / "none"), happen=happen)


def docker_place(directory: Path) -> Iterator[Place]:
    engine = Engine()
    connect: Any = engine.connect

    def happen(number: int) -> None:
        engine.tell("die", f"{number:064x}", _START_NS + number, exitCode="1")

    yield Place(
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
    The position as the store gives it back.
    """
    found: Position = orjson.loads(orjson.dumps(position))
    return found


async def until(readings: AsyncIterator[Reading], number: int) -> tuple[list[int], Position]:
    """
    The numbers up to this one, and the position then.
    """
    found: list[int] = []
    async with asyncio.timeout(20):
        while number not in found:
            reading = await anext(readings)
            found += numbers(reading)
    return found, stored(reading.position)


async def read(place: Place, number: int, position: Position | None = None) -> tuple[list[int], Position]:
    async with aclosing(place.source().readings(position)) as readings:
        return await until(readings, number)


async def test_a_source_says_soon_where_it_stands(place: Place) -> None:
    """
    Its first reading comes though nothing happens, and its position survives the store.
    """
    async with asyncio.timeout(5), aclosing(place.source().readings(None)) as readings:
        position = (await anext(readings)).position
    assert stored(position) == position


async def test_what_happens_is_told_while_it_is_read(place: Place) -> None:
    """
    In its order, each once.
    """
    async with aclosing(place.source().readings(None)) as readings:
        await anext(readings)
        for number in (2, 3, 4):
            place.happen(number)
        found, _ = await until(readings, 4)
    assert [number for number in found if number > 1] == [2, 3, 4]


async def test_after_a_restart_nothing_is_repeated_and_nothing_skipped(place: Place) -> None:
    """
    It goes on right after what the stored position covers.
    """
    async with aclosing(place.source().readings(None)) as readings:
        await anext(readings)
        place.happen(2)
        _, position = await until(readings, 2)
    place.again()
    place.happen(3)
    place.happen(4)
    found, _ = await read(place, 4, position)
    assert found == [3, 4]


async def test_what_was_read_but_not_stored_is_read_again(place: Place) -> None:
    """
    The agent died between the reading and the store.
    """
    async with aclosing(place.source().readings(None)) as readings:
        await anext(readings)
        place.happen(2)
        _, position = await until(readings, 2)
        place.happen(3)
        await until(readings, 3)
    place.again()
    found, _ = await read(place, 3, position)
    assert found == [3]


async def test_an_input_that_is_not_there_is_missing(place: Place) -> None:
    """
    It may appear later: the supervisor asks again.
    """
    with pytest.raises(SourceMissingError):
        async with asyncio.timeout(5), aclosing(place.missing.readings(None)) as readings:
            await anext(readings)


async def test_a_source_that_is_closed_leaves_nothing_open(place: Place) -> None:
    """
    Whatever happened: files, threads and connections are those from before.
    """
    async with aclosing(place.source().readings(None)) as readings:
        await anext(readings)
    before = _open_files()
    for _ in range(3):
        async with aclosing(place.source().readings(None)) as readings:
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
