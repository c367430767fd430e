"""
A Docker source over an engine in memory, and what it reads.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from collector.config.sources import DockerConfig
from collector.facts.observed import Fact
from collector.sources.base import Position, Reading
from collector.sources.docker.source import DockerSource
from tests.unit.collector.sources.devices import Engine

A, B = "a" * 64, "b" * 64
BOOT = "b" * 32
SECOND = 1_000_000_000
NOW_NS = 1_795_000_000 * SECOND
STARTED_NS = 1_795_316_400 * SECOND
Enough = Callable[[list[Fact]], bool]


def source(engine: Engine) -> DockerSource:
    connect: Any = engine.connect
    return DockerSource(DockerConfig(url="unix:///engine"), BOOT, connect, wall_ns=lambda: NOW_NS)


async def until(readings: AsyncIterator[Reading], enough: Enough) -> tuple[list[Fact], Position]:
    """
    Read facts until there are enough; return them with the position of the last reading.
    """
    facts: list[Fact] = []
    async with asyncio.timeout(10):
        while True:
            reading = await anext(readings)
            facts += reading.facts
            if enough(facts):
                return facts, reading.position


async def read(made: DockerSource, enough: Enough, position: Position | None = None) -> tuple[list[Fact], Position]:
    async with aclosing(made.readings(position)) as readings:
        return await until(readings, enough)


def has(kind: type, count: int = 1) -> Enough:
    return lambda facts: sum(isinstance(fact, kind) for fact in facts) >= count


def one(facts: list[Fact], kind: type) -> Any:  # noqa: ANN401 (the kind that was asked for)
    (found,) = (fact for fact in facts if isinstance(fact, kind))
    return found
