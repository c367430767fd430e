"""
Up to when the kmsg source has read, and what it has lost.
"""

import asyncio
import errno
import itertools
import os
from contextlib import aclosing

import pytest

from collector.facts.observed import Fact, GapFact
from collector.facts.watermark import WatermarkFact
from tests.unit.collector.sources.devices import Kmsg, kill, record
from tests.unit.collector.sources.kmsg_device import BOOT, SECOND, first, pids, source


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
