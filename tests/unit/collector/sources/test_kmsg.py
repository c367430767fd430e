"""
The kernel log, from a device that gives one record a read as /dev/kmsg does.
"""

import asyncio
import errno
import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from collector.correlate.facts import Fact, GapFact, KernelFact
from collector.hostclock import BootClock
from collector.sources.base import Position, PrivilegeError, SourceError, SourceMissingError
from collector.sources.kmsg import KmsgSource, offered
from collector.sources.settings import KmsgConfig
from tests.unit.collector.sources.devices import Kmsg, kill, record

BOOT = "b" * 32
SECOND = 1_000_000_000
Read = Callable[[int, int], bytes]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Kmsg]:
    with Kmsg(tmp_path / "kmsg") as made:
        yield made


def source(path: Path, boot_id: str | None = BOOT, read: Read = os.read) -> KmsgSource:
    clock = BootClock(monotonic_ns=lambda: 0, wall_ns=lambda: 5000 * SECOND)
    return KmsgSource(KmsgConfig(path=str(path)), boot_id, clock, read)


async def first(made: KmsgSource, position: Position | None = None) -> tuple[tuple[Fact, ...], Position]:
    """
    The first reading: all that is there.
    """
    async with asyncio.timeout(5), aclosing(made.readings(position)) as readings:
        reading = await anext(readings)
    return reading.facts, reading.position


def pids(facts: tuple[Fact, ...]) -> list[str]:
    return [fact.line.text.split()[7] for fact in facts if isinstance(fact, KernelFact)]


async def test_a_kill_is_read_with_its_stamps(device: Kmsg) -> None:
    """
    The kernel's clock, the wall clock by it, the boot and the number.
    """
    device.write(kill(7, 10))
    (fact,), position = await first(source(device.path))
    assert isinstance(fact, KernelFact)
    assert (fact.line.monotonic_us, fact.line.at_ns, fact.line.boot_id) == (7_000_000, 5007 * SECOND, BOOT)
    assert fact.line.seq == 7
    assert position == {"boot_id": BOOT, "seq": 7}


async def test_what_does_not_concern_us_only_moves_the_position(device: Kmsg) -> None:
    """
    Most of the log is of disks and networks.
    """
    device.write(record(1, "eth0: link up"))
    assert await first(source(device.path)) == ((), {"boot_id": BOOT, "seq": 1})


async def test_what_user_space_wrote_is_refused(device: Kmsg) -> None:
    """
    Anybody with access to the device can write such a line; the facility tells.
    """
    forged = kill(1, 10).replace(b"3,", b"11,", 1)
    device.write(forged)
    facts, position = await first(source(device.path))
    assert (facts, position["seq"]) == ((), 1)


async def test_a_jump_of_the_numbers_is_loss_and_is_counted(device: Kmsg) -> None:
    """
    The ring was overwritten under the reader.
    """
    device.write(kill(7, 10))
    device.write(kill(20, 11))
    (before, lost, after), _ = await first(source(device.path))
    assert pids((before, after)) == ["10", "11"]
    assert isinstance(lost, GapFact)
    assert (lost.what, lost.count, lost.source) == ("records_lost", 12, "kmsg")


async def test_a_gap_since_the_stored_position_is_loss_too(device: Kmsg) -> None:
    """
    The agent was away for longer than the ring remembers.
    """
    device.write(kill(20, 11))
    (lost, _), _ = await first(source(device.path), {"boot_id": BOOT, "seq": 7})
    assert isinstance(lost, GapFact)
    assert lost.count == 12


async def test_what_was_read_before_is_not_read_again(device: Kmsg) -> None:
    """
    The device always begins with the oldest record.
    """
    for seq, pid in ((1, 10), (2, 11), (3, 12)):
        device.write(kill(seq, pid))
    facts, _ = await first(source(device.path), {"boot_id": BOOT, "seq": 2})
    assert pids(facts) == ["12"]


@pytest.mark.parametrize("position", [{"boot_id": "c" * 32, "seq": 99}, {"seq": 99}, {"boot_id": BOOT, "seq": "99"}])
async def test_a_position_of_another_boot_says_nothing(device: Kmsg, position: Position) -> None:
    """
    The numbers begin anew with each boot; what cannot be read says nothing either.
    """
    device.write(kill(1, 10))
    facts, _ = await first(source(device.path), position)
    assert pids(facts) == ["10"]


async def test_new_records_wake_the_source(device: Kmsg) -> None:
    """
    It sleeps until there is one.
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
async def test_a_record_that_is_gone_does_not_end_the_reading(device: Kmsg, code: int) -> None:
    """
    EPIPE: overwritten; EINVAL: longer than any record of the kernel.
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
    It does so at its next tick, up to 10 ms later; by then a report would have been closed without its last lines.
    """
    path = tmp_path / "kmsg"
    os.mkfifo(path)  # nobody writes into it: it never wakes anyone
    log = iter([kill(1, 10), b"", record(2, "oom_reaper: reaped process 10 (hog)"), b""])

    def read(fd: int, size: int) -> bytes:
        return next(log, b"")

    async with asyncio.timeout(5), aclosing(source(path, read=read).readings(None)) as readings:
        assert [(await anext(readings)).position["seq"] for _ in range(2)] == [1, 2]


async def test_another_failure_ends_it(device: Kmsg) -> None:
    """
    The supervisor tries again.
    """

    def read(fd: int, size: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(SourceError, match="Input/output error"):
        await first(source(device.path, read=read))


@pytest.mark.parametrize("garbage", [b"no record\n", b";\n", b"3,x,1,-;text\n", b"\xff\xfe"])
async def test_garbage_is_counted_and_passed_over(device: Kmsg, garbage: bytes) -> None:
    """
    What follows it is read.
    """
    made = source(device.path)
    device.write(garbage)
    device.write(kill(1, 10))
    facts, _ = await first(made)
    assert pids(facts) == ["10"]
    assert (made.records, made.garbage) == (2, 1)


async def test_a_long_log_is_read_in_batches(device: Kmsg) -> None:
    """
    The loop is for others too: between two readings it gets its turn, and none is skipped.
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


async def test_a_device_that_may_not_be_read_names_the_remedy(device: Kmsg, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Which capability is missing.
    """

    def refuse(path: str, flags: int) -> int:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PrivilegeError, match="CAP_SYSLOG"):
        await first(source(device.path))


async def test_a_device_that_is_not_there_is_missing(tmp_path: Path) -> None:
    """
    In most containers.
    """
    config = KmsgConfig(path=str(tmp_path / "none"))
    assert not offered(config)
    with pytest.raises(SourceMissingError, match="none does not exist"):
        await first(source(tmp_path / "none"))


def test_the_default_is_the_kernels_own_device() -> None:
    """
    Another file serves tests.
    """
    assert KmsgConfig().path == "/dev/kmsg"
