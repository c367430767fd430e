"""
Tests of the journald source, with journal files that systemd-journal-remote makes from the export format.
"""

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from collector.config.sources import JournaldConfig
from collector.facts.kernel import KernelFact
from collector.facts.observed import Fact, GapFact
from collector.facts.watermark import WatermarkFact
from collector.sources.base import Position, PrivilegeError, Reading, SourceMissingError
from collector.sources.journald import reader
from collector.sources.journald.files import open_journal
from collector.sources.journald.source import JournaldSource, offered
from parsers.journal import KERNEL_MISSED
from parsers.killers import UnitOomKilled
from sinks.event import GapKind

pytest.importorskip("systemd.journal", reason="python-systemd is not installed")

_REMOTE = Path("/lib/systemd/systemd-journal-remote")
_RECORDING = Path(__file__).parents[6] / "shared/recordings/debian12-docker20-cgroup2"
_OLDEST_BOOT, _BOOT_BEFORE, _THIS_BOOT = ("a" * 32, "b" * 32, "c" * 32)
_START_US = 1_790_000_000_000_000
_KILL = "Killed process {pid} (java) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB"

pytestmark = pytest.mark.skipif(not _REMOTE.exists(), reason="systemd-journal-remote is not installed")

Entry = dict[str, bytes]
Write = Callable[..., Path]


def _entry(second: int, message: bytes | str, boot_id: str = _THIS_BOOT, **fields: str) -> Entry:
    text = message if isinstance(message, bytes) else message.encode()
    given = {name: value.encode() for name, value in fields.items()}
    return {
        "__REALTIME_TIMESTAMP": str(_START_US + second * 1_000_000).encode(),
        "__MONOTONIC_TIMESTAMP": str(second * 1_000_000).encode(),
        "_BOOT_ID": boot_id.encode(),
        "MESSAGE": text,
        **given,
    }


def _kernel(second: int, message: bytes | str, boot_id: str = _THIS_BOOT, facility: str = "0") -> Entry:
    stamp = str(second * 1_000_000)
    return _entry(
        second,
        message,
        boot_id,
        _TRANSPORT="kernel",
        SYSLOG_FACILITY=facility,
        _SOURCE_MONOTONIC_TIMESTAMP=stamp,
    )


def _kill(second: int, pid: int, boot_id: str = _THIS_BOOT) -> Entry:
    return _kernel(second, f"Memory cgroup out of memory: {_KILL.format(pid=pid)}", boot_id)


def _chatter(second: int) -> Entry:
    return _entry(second, "nothing of interest", _TRANSPORT="journal")


def _exported(entries: tuple[Entry, ...]) -> bytes:
    lines: list[bytes] = []
    for entry in entries:
        for name, value in entry.items():
            binary = name.encode() + b"\n" + len(value).to_bytes(8, "little") + value
            lines.append(binary if name == "MESSAGE" else name.encode() + b"=" + value)
        lines.append(b"")
    return b"\n".join(lines) + b"\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """
    Return an empty journal directory.
    """
    journal = tmp_path / "journal"
    journal.mkdir()
    return journal


@pytest.fixture
def write(directory: Path, tmp_path: Path) -> Write:
    """
    Return a function that makes a complete journal file of entries and moves it into the directory.
    """

    def make(name: str, *entries: Entry, exported: bytes | None = None) -> Path:
        made = tmp_path / name
        subprocess.run(
            [_REMOTE, "-o", made, "-"],
            input=exported if exported is not None else _exported(entries),
            check=True,
            capture_output=True,
        )
        return made.rename(directory / name)

    return make


def _source(directory: Path, boot_id: str | None = _THIS_BOOT, idle_s: float = 60) -> JournaldSource:
    return JournaldSource(JournaldConfig(path=str(directory)), boot_id, idle_s=idle_s)


async def _until(readings: AsyncIterator[Reading], enough: Callable[[list[Reading]], bool]) -> list[Reading]:
    taken: list[Reading] = []
    async with asyncio.timeout(20):
        while not enough(taken):
            taken.append(await anext(readings))
    return taken


def _is_idle(reading: Reading) -> bool:
    return bool(reading.position) and not reading.facts


async def _read(source: JournaldSource, count: int, position: Position | None = None) -> list[Reading]:
    """
    Read until there are `count` facts.
    """
    async with aclosing(source.readings(position)) as readings:
        return await _until(readings, lambda taken: len(_facts(taken)) >= count)


def _facts(readings: list[Reading]) -> list[Fact]:
    return [fact for reading in readings for fact in reading.facts]


def _texts(readings: list[Reading]) -> list[Any]:
    return [fact.line.text if isinstance(fact, KernelFact) else fact for fact in _facts(readings)]


def _pids(readings: list[Reading]) -> list[int]:
    lines = [text for text in _texts(readings) if isinstance(text, str)]
    return [int(text.partition("Killed process ")[2].split()[0]) for text in lines]


async def test_first_start_reads_this_boot_and_the_one_before(directory: Path, write: Write) -> None:
    """
    Without a position the boot before this one is read too, for a death just before a reboot; older boots are not.
    """
    write(
        "system.journal",
        _kill(1, 1, _OLDEST_BOOT),
        _kill(2, 2, _BOOT_BEFORE),
        _kill(3, 3, _BOOT_BEFORE),
        _kill(4, 4),
    )
    assert _pids(await _read(_source(directory), 3)) == [2, 3, 4]


async def test_first_start_reads_the_last_hours(directory: Path, write: Write) -> None:
    """
    Without a position, what is older than `history_h` before the newest entry is skipped, not parsed.
    """
    write("system.journal", _kill(1, 1), _kill(7000, 2), _kill(9000, 3), _kernel(9001, "usb 1-1: new device"))
    source = JournaldSource(JournaldConfig(path=str(directory), history_h=0.5), _THIS_BOOT)
    assert _pids(await _read(source, 1)) == [3]
    assert source.records == 2
    assert _pids(await _read(_source(directory), 3)) == [1, 2, 3]


async def test_journal_of_another_system_is_read_whole(directory: Path, write: Write) -> None:
    """
    If this boot is not in the journal, reading starts at the oldest entry.
    """
    write("system.journal", _kill(1, 1, _OLDEST_BOOT), _kill(2, 2, _BOOT_BEFORE))
    assert _pids(await _read(_source(directory), 2)) == [1, 2]


async def test_ordinary_kernel_lines_stay_in_the_thread(directory: Path, write: Write) -> None:
    """
    Only kernel lines about an OOM kill, and those lines of its report that say something, become facts.
    """
    write(
        "system.journal",
        _kernel(1, "eth0: link becomes ready"),
        _kernel(2, "java invoked oom-killer: gfp_mask=0xcc0, order=0, oom_score_adj=0"),
        _kernel(2, "memory: usage 32768kB, limit 32768kB, failcnt 9"),
        _kernel(2, " ? __schedule+0x2d4/0x880"),
        _kill(3, 7),
        _kernel(9, "usb 1-1: new device"),
        _kill(10, 8),
    )
    texts = _texts(await _read(_source(directory), 4))
    assert [text.split()[0] for text in texts] == ["java", "memory:", "Memory", "Memory"]


async def test_line_from_user_space_is_not_a_kernel_line(directory: Path, write: Write) -> None:
    """
    A line that a program wrote to /dev/kmsg has another facility than the kernel's, and is refused.
    """
    forged = _kernel(1, f"Memory cgroup out of memory: {_KILL.format(pid=666)}", facility="1")
    write("system.journal", forged, _kill(2, 7))
    assert _pids(await _read(_source(directory), 1)) == [7]


async def test_bytes_that_are_not_utf8_are_kept(directory: Path, write: Write) -> None:
    """
    A line keeps bytes that are not UTF-8, which a process name may contain.
    """
    write("system.journal", _kernel(1, b"Out of memory: Killed process 5 (caf\xc3) total-vm:1kB"))
    (text,) = _texts(await _read(_source(directory), 1))
    assert text.encode("utf-8", "surrogateescape") == b"Out of memory: Killed process 5 (caf\xc3) total-vm:1kB"


async def test_reading_continues_after_the_position(directory: Path, write: Write) -> None:
    """
    After a restart no entry is read twice, and none is left out.
    """
    write("system.journal", _kill(1, 1), _chatter(2))
    first = await _read(_source(directory), 1)
    write("system-2.journal", _kill(3, 3))
    assert _pids(await _read(_source(directory), 1, first[-1].position)) == [3]


async def test_a_long_journal_is_opened_again_while_it_is_read(
    directory: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What has been read does not stay mapped; no entry is left out or read twice, and nothing is said to be lost.
    """
    opened: list[str | None] = []
    monkeypatch.setattr(reader, "open_journal", lambda path: [opened.append(path), open_journal(path)][1])
    monkeypatch.setattr(reader, "_MAPPED_ENTRIES", 4)
    monkeypatch.setattr("collector.sources.journald.source._BATCH", 2)
    write("system.journal", *(_kill(second, second) for second in range(1, 14)))
    readings = await _read(_source(directory), 13)
    assert _pids(readings) == list(range(1, 14))
    assert len(opened) == 4


async def test_records_that_journald_has_missed_are_a_gap(directory: Path, write: Write) -> None:
    """
    The gap begins at the kernel line before it, and has the number of records that journald states.
    """
    fields = {"_TRANSPORT": "driver", "MESSAGE_ID": KERNEL_MISSED}
    write("system.journal", _kernel(1, "eth0: link up"), _entry(3, "Missed 81 kernel messages", **fields), _kill(4, 7))
    gap, kill = _facts(await _read(_source(directory), 2))
    assert isinstance(gap, GapFact)
    assert (gap.what, gap.count) == (GapKind.RECORDS_LOST, 81)
    assert (gap.from_ns, gap.to_ns) == ((_START_US + 1_000_000) * 1000, (_START_US + 3_000_000) * 1000)
    assert isinstance(kill, KernelFact)


async def test_vacuumed_position_is_a_gap_and_loses_nothing_that_is_left(directory: Path, write: Write) -> None:
    """
    The first entry after a vacuumed cursor is read, and a gap with its bounds is reported.
    """
    old = write("system@1.journal", _kill(1, 1))
    position = (await _read(_source(directory), 1))[-1].position
    old.unlink()
    write("system.journal", _kill(5, 5), _kill(6, 6))
    gap, *_ = facts = _facts(await _read(_source(directory), 3, position))
    assert isinstance(gap, GapFact)
    assert (gap.what, gap.from_ns, gap.to_ns) == (
        "cursor_lost",
        (_START_US + 1_000_000) * 1000,
        (_START_US + 5_000_000) * 1000,
    )
    assert len(facts) == 3


async def test_garbage_position_is_a_gap_and_reading_starts_over(directory: Path, write: Write) -> None:
    """
    If libsystemd refuses a cursor, a gap is reported and reading starts from the beginning.
    """
    write("system.journal", _kill(1, 1))
    gap, kill = _facts(await _read(_source(directory), 2, {"cursor": "garbage", "realtime_us": None}))
    assert isinstance(gap, GapFact)
    assert isinstance(kill, KernelFact)


async def test_position_advances_while_only_unrelated_entries_arrive(directory: Path, write: Write) -> None:
    """
    An idle source stores the journal's tail as its position, so that the position is not vacuumed.
    """
    write("system.journal", _kill(1, 1), _chatter(2), _chatter(3))
    async with aclosing(_source(directory, idle_s=0.1).readings(None)) as readings:
        taken = await _until(readings, lambda taken: any(_is_idle(reading) for reading in taken))
    assert taken[-1].position["realtime_us"] == _START_US + 3_000_000


async def test_position_at_an_unrelated_entry_is_not_a_gap(directory: Path, write: Write) -> None:
    """
    A position at an entry that does not match the filter, as an idle source stores it, is not taken for lost.
    """
    write("system.journal", _kill(1, 1), _chatter(2))
    async with aclosing(_source(directory, idle_s=0.1).readings(None)) as readings:
        idle = (await _until(readings, lambda taken: len(taken) == 2))[-1].position
    write("system-2.journal", _kill(3, 3))
    assert _pids(await _read(_source(directory), 1, idle)) == [3]


async def test_rotation_while_reading_loses_nothing(directory: Path, write: Write) -> None:
    """
    Each entry is read exactly once while files appear and disappear.
    """
    old = write("system.journal", _kill(1, 1))
    async with aclosing(_source(directory).readings(None)) as readings:
        seen = await _until(readings, lambda taken: len(_facts(taken)) == 1)
        write("system-2.journal", _kill(2, 2))
        seen += await _until(readings, lambda taken: len(_facts(taken)) == 1)
        old.unlink()
        write("system-3.journal", _kill(3, 3), _kill(4, 4))
        seen += await _until(readings, lambda taken: len(_facts(taken)) == 2)
    assert _pids(seen) == [1, 2, 3, 4]


async def test_reader_thread_ends_with_the_reading(directory: Path, write: Write) -> None:
    """
    The thread ends when reading stops, even if it still has readings to hand over.
    """
    write("system.journal", *(_kill(second, second) for second in range(1, 50)))
    before = set(threading.enumerate())
    async with aclosing(_source(directory).readings(None)) as readings:
        await anext(readings)
        (thread,) = (thread for thread in threading.enumerate() if thread not in before)
    thread.join(timeout=2)
    assert not thread.is_alive()


async def test_missing_journal_is_reported_as_missing(directory: Path) -> None:
    """
    A directory without journal files means that this host does not have the source.
    """
    with pytest.raises(SourceMissingError, match="has no files"):
        await _read(_source(directory), 1)
    assert not offered(JournaldConfig(path=str(directory)))


async def test_unreadable_journal_names_the_group(
    directory: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A journal that may not be read looks empty to libsystemd; the source raises an error with the remedy instead.
    """
    write("system.journal", _kill(1, 1))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PrivilegeError, match="systemd-journal"):
        await _read(_source(directory), 1)


async def test_recorded_units_give_what_systemd_said(directory: Path, write: Write) -> None:
    """
    In a real journal of a Docker host each line of systemd about an OOM kill names its container.
    """
    export = _RECORDING / "journal-units.export"
    if not export.exists():
        pytest.skip("the recordings are not beside the repository")
    write("system.journal", exported=export.read_bytes())
    facts = _facts(await _read(_source(directory), 121))
    kills = [fact for fact in facts if isinstance(fact, UnitOomKilled)]
    assert len(kills) == 121
    assert all((kill.container is not None) == kill.unit.startswith("docker-") for kill in kills)


async def test_a_watermark_is_stated_on_request_at_the_end_of_the_journal(directory: Path, write: Write) -> None:
    """
    It follows the facts before it, and names the newest kernel line, whether or not that concerns an OOM kill.
    """
    write("system.journal", _kill(1, 1), _kernel(2, "eth0: link becomes ready"), _chatter(3))
    source = JournaldSource(JournaldConfig(path=str(directory)), _THIS_BOOT, wall_ns=lambda: 777)
    source.request_watermark()
    facts = _facts(await _read(source, 2))
    assert isinstance(facts[0], KernelFact)
    assert isinstance(facts[1], WatermarkFact)
    assert (facts[1].source, facts[1].read_until_ns) == ("journald", 777)
    assert facts[1].newest_kernel_ns == (_START_US + 2_000_000) * 1000
    assert facts[1].newest_kernel_us is not None


async def test_requests_are_answered_soon_while_they_keep_coming(directory: Path, write: Write) -> None:
    """
    The thread looks at the journal every 50 ms for a while after a request.
    """
    write("system.journal", _kill(1, 1))
    source = _source(directory)
    async with aclosing(source.readings(None)) as readings:
        source.request_watermark()
        await _until(readings, lambda taken: len(_facts(taken)) == 2)
        began_s = time.monotonic()
        for _ in range(5):
            source.request_watermark()
            await _until(readings, lambda taken: len(_facts(taken)) == 1)
    assert time.monotonic() - began_s < 1.5
