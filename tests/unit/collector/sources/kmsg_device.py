"""
A device that returns one record per read, as /dev/kmsg does, and a source that reads it.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

from collector.config.sources import KmsgConfig
from collector.facts.kernel import KernelFact
from collector.facts.observed import Fact
from collector.host.clock import BootClock
from collector.sources.base import Position
from collector.sources.kmsg.source import KmsgSource

BOOT = "b" * 32
SECOND = 1_000_000_000
Read = Callable[[int, int], bytes]


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


async def next_reading(readings: AsyncIterator[object]) -> object:
    return await anext(readings)
