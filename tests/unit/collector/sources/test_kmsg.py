"""
Tests of the kmsg source, with a device that returns one record per read as /dev/kmsg does.
"""

import asyncio
import errno
import itertools
import os
from contextlib import aclosing
from pathlib import Path

import pytest

from collector.config.sources import KmsgConfig
from collector.facts.kernel import KernelFact
from collector.sources.base import Position, PrivilegeError, SourceError, SourceMissingError
from collector.sources.kmsg.source import offered
from tests.unit.collector.sources.devices import Kmsg, kill, record
from tests.unit.collector.sources.kmsg_device import BOOT, SECOND, first, next_reading, pids, source


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
        waiting: asyncio.Future[object] = asyncio.ensure_future(next_reading(readings))  # noqa: TID251 (a test has no group)
        await asyncio.sleep(0)
        assert not waiting.done()
        device.write(kill(1, 10))
        await waiting


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
