"""
Tests of following the file into which Podman writes its events.
"""

import asyncio
import os
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from collector.facts.watermark import WatermarkFact
from collector.sources.base import Position, Reading, SourceError, SourceMissingError
from collector.sources.podman.events_file import EventsFile
from parsers.docker_event import DockerEvent

NOW_NS = 1_795_000_000_000_000_000
UID = os.getuid()
ROTATED = b'{"Name":"events.log","Status":"log-rotation","Time":"2026-11-30T07:00:00Z","Type":"system"}\n'


def line(second: int, name: str = "box") -> bytes:
    return (
        f'{{"ID":"{"a" * 64}","Name":"{name}","Status":"start","Time":"2026-11-30T07:00:{second:02}Z",'
        f'"Type":"container","Attributes":null}}\n'
    ).encode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.log"
    path.write_bytes(line(1))
    return path


def followed(file: Path) -> EventsFile:
    return EventsFile(str(file), UID, wall_ns=lambda: NOW_NS, look_every_s=0.01)


async def seconds(readings: AsyncIterator[Reading], count: int) -> tuple[list[int], Position]:
    """
    Return the seconds of the next events, and the position after them.
    """
    found: list[int] = []
    position: Position = {}
    async with asyncio.timeout(10):
        while len(found) < count:
            reading = await anext(readings)
            found += [fact.time_ns // 10**9 % 60 for fact in reading.facts if isinstance(fact, DockerEvent)]
            position = reading.position
    return found, position


def append(file: Path, *lines: bytes) -> None:
    with file.open("ab") as opened:
        opened.write(b"".join(lines))


def overwrite(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def replace(file: Path, content: bytes) -> None:
    """
    Replace the file as Podman does once it is full.
    """
    new = file.with_suffix(".new")
    new.write_bytes(content)
    new.rename(file)


async def test_only_what_comes_later_is_read_without_a_position(file: Path) -> None:
    async with aclosing(followed(file).readings(None)) as readings:
        await anext(readings)
        append(file, line(2), line(3))
        assert (await seconds(readings, 2))[0] == [2, 3]


async def test_a_line_is_read_once_it_is_whole(file: Path) -> None:
    """
    A command of Podman may still be writing it.
    """
    source = followed(file)
    async with aclosing(source.readings(None)) as readings:
        await anext(readings)
        append(file, line(2), line(3)[:40])
        assert (await seconds(readings, 1))[0] == [2]
        append(file, line(3)[40:])
        assert (await seconds(readings, 1))[0] == [3]
    assert (source.records, source.garbage) == (2, 0)


async def test_what_was_written_meanwhile_is_read_from_the_position(file: Path) -> None:
    async with aclosing(followed(file).readings(None)) as readings:
        await anext(readings)
        append(file, line(2))
        _, position = await seconds(readings, 1)
    append(file, line(3))
    async with aclosing(followed(file).readings(position)) as readings:
        assert (await seconds(readings, 1))[0] == [3]


@pytest.mark.parametrize("is_running", [True, False])
async def test_a_replaced_file_is_read_from_the_last_line_that_is_known(file: Path, is_running: bool) -> None:
    """
    Podman keeps the newer half of the lines, also while the agent does not run.
    """
    async with aclosing(followed(file).readings(None)) as readings:
        await anext(readings)
        append(file, line(2), line(3))
        _, position = await seconds(readings, 2)
        if is_running:
            replace(file, ROTATED + line(2) + line(3) + ROTATED + line(4))
            assert (await seconds(readings, 1))[0] == [4]
            return
    replace(file, ROTATED + line(3) + ROTATED + line(4))
    async with aclosing(followed(file).readings(position)) as readings:
        assert (await seconds(readings, 1))[0] == [4]


async def test_a_file_without_a_known_line_is_read_from_its_beginning(file: Path) -> None:
    """
    After a reboot, or where more was written than the file holds.
    """
    async with aclosing(followed(file).readings(None)) as readings:
        await anext(readings)
        replace(file, line(7) + line(8))
        assert (await seconds(readings, 2))[0] == [7, 8]


async def test_another_file_may_have_the_number_of_the_one_before(file: Path) -> None:
    """
    A directory in memory numbers its files from the beginning again after a reboot.
    """
    async with aclosing(followed(file).readings(None)) as readings:
        await anext(readings)
        append(file, line(2))
        _, position = await seconds(readings, 1)
    overwrite(file, line(5) + line(6) + line(7))
    async with aclosing(followed(file).readings(position)) as readings:
        assert (await seconds(readings, 3))[0] == [5, 6, 7]


async def test_a_position_far_into_a_long_file(file: Path) -> None:
    """
    Podman may be told not to limit its file: what has been read is not read again.
    """
    overwrite(file, line(1) * 80_000)
    async with aclosing(followed(file).readings(None)) as readings:
        await anext(readings)
        append(file, line(2))
        _, position = await seconds(readings, 1)
    append(file, line(3))
    source = followed(file)
    async with aclosing(source.readings(position)) as readings:
        assert (await seconds(readings, 1))[0] == [3]
    assert source.records == 1


async def test_a_watermark_says_that_nothing_is_left(file: Path) -> None:
    source = followed(file)
    async with aclosing(source.readings(None)) as readings:
        await anext(readings)
        append(file, line(2))
        source.request_watermark()
        async with asyncio.timeout(10):
            facts = [*(await anext(readings)).facts, *(await anext(readings)).facts]
    assert [type(fact) for fact in facts] == [DockerEvent, WatermarkFact]


async def test_garbage_is_counted(file: Path) -> None:
    source = followed(file)
    async with aclosing(source.readings(None)) as readings:
        await anext(readings)
        append(file, b"no event\n", b"\xff\xfe\n", line(2))
        await seconds(readings, 1)
    assert (source.records, source.garbage) == (3, 2)


async def test_a_file_that_a_user_makes_long_is_read_in_parts(file: Path) -> None:
    """
    A sparse file takes a moment to make; reading all of it in one go would take a processor for hours. Its end is not
    stated before it has been read.
    """
    source = EventsFile(str(file), UID, wall_ns=lambda: NOW_NS, look_every_s=3600)
    async with aclosing(source.readings(None)) as readings:
        await anext(readings)
        os.truncate(file, 16 << 20)
        source.request_watermark()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(readings)
    assert source.records <= 2


async def test_many_short_lines_in_a_replaced_file_take_little_memory(file: Path) -> None:
    """
    A list of them would take two hundred megabytes.
    """
    source = followed(file)
    async with aclosing(source.readings(None)) as readings:
        await anext(readings)
        replace(file, b"a\n" * (1 << 21) + line(1) + line(2))
        tracemalloc.start()
        found, _ = await seconds(readings, 1)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (found, peak_bytes < 16_000_000) == ([2], True)


async def first_reading(source: EventsFile) -> Reading:
    async with aclosing(source.readings(None)) as readings:
        return await anext(readings)


async def test_a_link_and_a_pipe_are_not_read(file: Path) -> None:
    """
    A user could name any file of the host, or have the agent wait.
    """
    link, pipe = file.with_name("link"), file.with_name("pipe")
    link.symlink_to(file)
    os.mkfifo(pipe)
    for path in (link, pipe):
        with pytest.raises(SourceError):
            await first_reading(followed(path))


async def test_a_file_of_another_user_is_not_read(file: Path) -> None:
    with pytest.raises(SourceError):
        await first_reading(EventsFile(str(file), UID + 1))


async def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError):
        await first_reading(followed(tmp_path / "nothing"))
