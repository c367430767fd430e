"""
Reads the instance of tracefs.

There is nothing to resume: what happened while the agent was away is unknown, and signals that were sent then have no
known sender. Needs to write in tracefs (tracefs.py).
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Final

from collector.hostclock import HostIdentity
from collector.procfs import ProcFiles
from collector.sources.base import Position, Reading, SourceError, unwatched, watched_until
from collector.sources.settings import TraceConfig
from collector.sources.trace.lines import TraceLines
from collector.sources.trace.tracefs import TraceInstance

_TRACEFS: Final = Path("/sys/kernel/tracing")
_READ_BYTES: Final = 65_536


class TraceSource:
    """
    Follows fatal signals and the OOM killer's victims.

    Args:
        config: where tracefs is.
        lines: from what is read to facts.
        wall_ns: the wall clock.
    """

    name = "trace"

    def __init__(self, config: TraceConfig, lines: TraceLines, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._config = config
        self._lines = lines
        self._wall_ns = wall_ns

    @property
    def records(self) -> int:
        """
        Lines read.
        """
        return self._lines.records

    @property
    def garbage(self) -> int:
        """
        Lines that could not be understood.
        """
        return self._lines.garbage

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Follow from now on; a position says since when nobody did.

        Raises:
            SourceMissingError: this kernel has no tracefs.
            PrivilegeError: it may not be used.
            SourceError: reading failed.
        """
        with TraceInstance(self._config.tracefs) as instance:
            now_ns = self._wall_ns()
            yield Reading(facts=unwatched(self.name, position, now_ns), position=watched_until(now_ns))
            while True:
                await _readable(instance.fileno())
                if facts := self._lines.feed(_read(instance.fileno())):
                    yield Reading(facts=facts, position=watched_until(self._wall_ns()))


def offered(_config: TraceConfig) -> bool:
    """
    Whether it is worth trying: root can use tracefs, and who was given the capability to.
    """
    may_write = os.access(_TRACEFS / "instances", os.W_OK, effective_ids=True)
    return _TRACEFS.exists() and (os.geteuid() == 0 or may_write)


def create(config: TraceConfig, _host: HostIdentity) -> TraceSource:
    """
    The source for this host.
    """
    return TraceSource(config, TraceLines(ProcFiles()))


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, _READ_BYTES)
    except BlockingIOError:
        return b""
    except OSError as error:
        raise SourceError(f"reading the trace failed: {error.strerror}") from error


async def _readable(pipe: int) -> None:
    """
    Wait until there is something to read.
    """
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(pipe, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(pipe)
