"""
Tests of the kmsg source, with a device that returns one record per read as /dev/kmsg does.
"""

import asyncio
import errno
import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from collector.config.sources import KmsgConfig
from collector.facts.kernel import KernelFact
from collector.facts.observed import Fact, GapFact
from collector.facts.watermark import WatermarkFact
from collector.host.clock import BootClock
from collector.sources.base import Position, PrivilegeError, SourceError, SourceMissingError
from collector.sources.kmsg.source import KmsgSource, offered
from tests.unit.collector.sources.devices import Kmsg, kill, record

BOOT = "b" * 32
SECOND = 1_000_000_000
Read = Callable[[int, int], bytes]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Kmsg]:
    with Kmsg(tmp_path / "kmsg") as made:
        yield made


def source(
    path: Path, boot_id: str | None = BOOT, read: Read = os.read, wall_ns: Callable[[], int] = time.time_ns
) -> KmsgSource:
    clock = BootClock(monotonic_ns=lambda: 0, wall_ns=lambda: 5000 * SECOND)
    return KmsgSource(KmsgConfig(path=str(path)), boot_id, clock, read, wall_ns)


async def first(made: KmsgSource, position: Position | None = None) -> tuple[tuple[Fact, ...], Position]:
    """
    Return the first reading: all that is there.
    """
    async with asyncio.timeout(5), aclosing(made.readings(position)) as readings:
        reading = await anext(readings)
    return reading.facts, reading.position


def pids(facts: tuple[Fact, ...]) -> list[str]:
    return [fact.line.text.split()[7] for fact in facts if isinstance(fact, KernelFact)]


async def test_a_kill_is_read_with_its_stamps(device: Kmsg) -> None:
    """
    A kill's line carries the kernel's stamp, its wall clock time, the boot id and the sequence number.
    """
    device.write(kill(7, 10))
    (fact,), position = await first(source(device.path))
    assert isinstance(fact, KernelFact)
    assert (fact.line.monotonic_us, fact.line.at_ns, fact.line.boot_id) == (7_000_000, 5007 * SECOND, BOOT)
    assert fact.line.seq == 7
    assert position == {"boot_id": BOOT, "seq": 7}


async def test_unrelated_records_only_advance_the_position(device: Kmsg) -> None:
    """
    A record that has nothing to do with OOM kills gives no fact, but a new position.
    """
    device.write(record(1, "eth0: link up"))
    assert await first(source(device.path)) == ((), {"boot_id": BOOT, "seq": 1})


async def test_records_of_user_space_are_refused(device: Kmsg) -> None:
    """
    A record with a facility of user space is no evidence: anybody with access to the device can write it.
    """
    forged = kill(1, 10).replace(b"3,", b"11,", 1)
    device.write(forged)
    facts, position = await first(source(device.path))
    assert (facts, position["seq"]) == ((), 1)


async def test_a_jump_of_the_sequence_numbers_is_counted_as_loss(device: Kmsg) -> None:
    """
    A jump of the sequence numbers gives a gap with the number of records that were overwritten.
    """
    device.write(kill(7, 10))
    device.write(kill(20, 11))
    (before, lost, after), _ = await first(source(device.path))
    assert pids((before, after)) == ["10", "11"]
    assert isinstance(lost, GapFact)
    assert (lost.what, lost.count, lost.source) == ("records_lost", 12, "kmsg")


async def test_a_jump_since_the_stored_position_is_loss_too(device: Kmsg) -> None:
    """
    Records that were overwritten while the agent was down are counted as a gap.
    """
    device.write(kill(20, 11))
    (lost, _), _ = await first(source(device.path), {"boot_id": BOOT, "seq": 7})
    assert isinstance(lost, GapFact)
    assert lost.count == 12


async def test_records_before_the_position_are_skipped(device: Kmsg) -> None:
    """
    Records up to the stored position are skipped: the device always starts with the oldest record.
    """
    for seq, pid in ((1, 10), (2, 11), (3, 12)):
        device.write(kill(seq, pid))
    facts, _ = await first(source(device.path), {"boot_id": BOOT, "seq": 2})
    assert pids(facts) == ["12"]


@pytest.mark.parametrize("position", [{"boot_id": "c" * 32, "seq": 99}, {"seq": 99}, {"boot_id": BOOT, "seq": "99"}])
async def test_a_position_of_another_boot_is_ignored(device: Kmsg, position: Position) -> None:
    """
    A position of another boot, where the numbers were different, or a malformed one is ignored.
    """
    device.write(kill(1, 10))
    facts, _ = await first(source(device.path), position)
    assert pids(facts) == ["10"]


async def test_new_records_wake_the_source(device: Kmsg) -> None:
    """
    The source sleeps until a record arrives.
    """
    async with asyncio.timeout(5), aclosing(source(device.path).readings(None)) as readings:
        assert (await anext(readings)).facts == ()
        waiting: asyncio.Future[object] = asyncio.ensure_future(_next(readings))  # noqa: TID251 (a test has no group)
        await asyncio.sleep(0)
        assert not waiting.done()
        device.write(kill(1, 10))
        await waiting


async def _next(readings: AsyncIterator[object]) -> object:
    return await anext(readings)


@pytest.mark.parametrize("code", [errno.EPIPE, errno.EINVAL])
async def test_a_lost_record_does_not_stop_the_source(device: Kmsg, code: int) -> None:
    """
    Reading continues after EPIPE (overwritten) and EINVAL (longer than any record of the kernel).
    """
    failures = [OSError(code, "gone")]

    def read(fd: int, size: int) -> bytes:
        if failures:
            raise failures.pop()
        return os.read(fd, size)

    device.write(kill(1, 10))
    facts, _ = await first(source(device.path, read=read))
    assert pids(facts) == ["10"]


async def test_the_rest_of_a_report_is_read_before_the_kernel_wakes_its_readers(tmp_path: Path) -> None:
    """
    After a line of a report the device is read again at once: the kernel wakes its readers up to 10 ms later, and by
    then the report would have been closed without its last lines.
    """
    path = tmp_path / "kmsg"
    os.mkfifo(path)  # nobody writes into it: it never wakes anyone
    log = iter([kill(1, 10), b"", record(2, "oom_reaper: reaped process 10 (hog)"), b""])

    def read(fd: int, size: int) -> bytes:
        return next(log, b"")

    async with asyncio.timeout(5), aclosing(source(path, read=read).readings(None)) as readings:
        assert [(await anext(readings)).position["seq"] for _ in range(2)] == [1, 2]


async def test_any_other_failure_stops_the_source(device: Kmsg) -> None:
    """
    Any other error of a read ends the source with SourceError, and the supervisor starts it again.
    """

    def read(fd: int, size: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(SourceError, match="Input/output error"):
        await first(source(device.path, read=read))


@pytest.mark.parametrize("garbage", [b"no record\n", b";\n", b"3,x,1,-;text\n", b"\xff\xfe"])
async def test_garbage_is_counted_and_skipped(device: Kmsg, garbage: bytes) -> None:
    """
    A malformed record is counted as garbage, and the record after it is read.
    """
    made = source(device.path)
    device.write(garbage)
    device.write(kill(1, 10))
    facts, _ = await first(made)
    assert pids(facts) == ["10"]
    assert (made.records, made.garbage) == (2, 1)


async def test_a_long_log_is_read_in_batches(device: Kmsg) -> None:
    """
    A long log is read in batches without skipping any record, so that other tasks of the loop get their turn.
    """
    records = iter([record(seq, "eth0: link up") for seq in range(1, 5001)])

    def read(fd: int, size: int) -> bytes:
        found = next(records, None)
        if found is None:
            raise BlockingIOError
        return found

    async with asyncio.timeout(5), aclosing(source(device.path, read=read).readings(None)) as readings:
        seqs = [0]
        while seqs[-1] < 5000:
            seqs.append((await anext(readings)).position["seq"])
    assert max(after - before for before, after in itertools.pairwise(seqs)) <= 4096
    assert len(seqs) > 2


async def test_a_missing_privilege_names_the_remedy(device: Kmsg, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    If reading the device is not permitted, the error names the capability to grant.
    """

    def refuse(path: str, flags: int) -> int:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PrivilegeError, match="CAP_SYSLOG"):
        await first(source(device.path))


async def test_a_missing_device_is_reported_as_missing(tmp_path: Path) -> None:
    """
    Where the device does not exist, as in most containers, the source is not available.
    """
    config = KmsgConfig(path=str(tmp_path / "none"))
    assert not offered(config)
    with pytest.raises(SourceMissingError, match="none does not exist"):
        await first(source(tmp_path / "none"))


def test_the_default_is_the_kernels_own_device() -> None:
    """
    Without a configured path the source reads /dev/kmsg.
    """
    assert KmsgConfig().path == "/dev/kmsg"


def watermarks(facts: tuple[Fact, ...]) -> list[WatermarkFact]:
    return [fact for fact in facts if isinstance(fact, WatermarkFact)]


async def test_a_watermark_is_the_time_before_the_read_that_found_nothing(device: Kmsg) -> None:
    """
    On request the source states until when it has read, and the newest record that the kernel itself wrote.
    """
    ticks = itertools.count(100)
    empty_ns: list[int] = []

    def read(fd: int, size: int) -> bytes:
        try:
            return os.read(fd, size)
        except BlockingIOError:
            empty_ns.append(next(ticks))
            raise

    made = source(device.path, read=read, wall_ns=lambda: next(ticks))
    device.write(kill(7, 10))
    device.write(record(8, "from user space", priority=14))
    made.request_watermark()
    facts, _ = await first(made)
    assert pids(facts[:1]) == ["10"]
    assert facts[1:] == (
        WatermarkFact(
            source="kmsg", read_until_ns=empty_ns[-1] - 1, newest_kernel_us=7_000_000, newest_kernel_ns=5007 * SECOND
        ),
    )


async def test_no_watermark_is_stated_unasked_or_while_records_are_unread(
    device: Kmsg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A request waits until the log has been read to its end.
    """
    monkeypatch.setattr("collector.sources.kmsg.source._BATCH", 4)
    for seq in range(1, 7):
        device.write(record(seq, "x"))
    made = source(device.path)
    async with asyncio.timeout(5), aclosing(made.readings(None)) as readings:
        made.request_watermark()
        first_batch, rest = await anext(readings), await anext(readings)
        assert watermarks(first_batch.facts) == []
        assert len(watermarks(rest.facts)) == 1
        device.write(record(7, "x"))
        assert watermarks((await anext(readings)).facts) == []


async def test_a_request_wakes_the_source(device: Kmsg) -> None:
    """
    The source answers while the log is silent.
    """
    made = source(device.path)
    async with asyncio.timeout(0.5), aclosing(made.readings(None)) as readings:
        await anext(readings)
        asyncio.get_running_loop().call_later(0.01, made.request_watermark)
        assert watermarks((await anext(readings)).facts)


async def test_a_hole_lasts_from_the_record_before_to_the_record_after_it(device: Kmsg) -> None:
    """
    The gap states when the last record before the hole and the first one after it were written.
    """
    device.write(record(7, "before"))
    device.write(record(20, "after"))
    (lost,), _ = await first(source(device.path))
    assert isinstance(lost, GapFact)
    assert (lost.from_ns, lost.to_ns) == (5007 * SECOND, 5020 * SECOND)


async def test_a_kernel_notice_is_read(device: Kmsg) -> None:
    """
    A line about a crash is a fact, among records that are looked at together and at the first of all.
    """
    text = "hog[7]: segfault at 8 ip 50 sp 7ffc error 4 in libc.so.6[0+1000]"
    device.write(record(1, text))
    for seq in range(2, 12):
        device.write(record(seq, "eth0: link up"))
    device.write(record(12, text))
    facts, position = await first(source(device.path))
    assert [fact.line.seq for fact in facts if isinstance(fact, KernelFact)] == [1, 12]
    assert position["seq"] == 12
