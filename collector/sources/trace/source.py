"""
Follows fatal signals and the OOM killer's victims in tracefs: the only source that knows who sent a signal.

It cannot read the past: the senders of signals that were sent while the agent was not running stay unknown. Needs write
access to tracefs (tracefs.py).
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable
from functools import partial
from pathlib import Path
from typing import Final

from collector.config.sources import TraceConfig
from collector.facts.observed import Fact
from collector.facts.watermark import WatermarkFact
from collector.host.clock import HostIdentity
from collector.host.drain import Drain
from collector.host.procfs import ProcFiles
from collector.sources.base import Position, Reading, SourceError, unwatched, watched_until
from collector.sources.trace.lines import TraceLines
from collector.sources.trace.tracefs import TraceInstance

_TRACEFS: Final = Path("/sys/kernel/tracing")
_READ_BYTES: Final = 65_536
# After so many parsed pieces the other tasks of the loop get their turn.
_BATCH: Final = 16


class TraceSource:
    """
    Follows fatal signals and the OOM killer's victims.

    Args:
        config: where tracefs is mounted.
        lines: turns the text into facts.
        wall_ns: the wall clock.
    """

    name = "trace"

    def __init__(self, config: TraceConfig, lines: TraceLines, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._config = config
        self._lines = lines
        self._wall_ns = wall_ns
        self.drain: Drain | None = None
        self._watermark_wanted = False

    @property
    def records(self) -> int:
        """
        Lines of the trace that were read.
        """
        return self._lines.records

    @property
    def garbage(self) -> int:
        """
        Lines of the trace that could not be parsed.
        """
        return self._lines.garbage

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Follow from now on; the time since the position is yielded as a gap.

        Raises:
            SourceMissingError: this kernel has no tracefs.
            PrivilegeError: using tracefs is not permitted.
            SourceError: reading failed.
        """
        with TraceInstance(self._config.tracefs) as instance:
            now_ns = self._wall_ns()
            yield Reading(facts=unwatched(self.name, position, now_ns), position=watched_until(now_ns))
            with Drain(instance.fileno(), partial(_read, instance.fileno()), wall_ns=self._wall_ns) as drain:
                self.drain = drain
                while True:
                    if facts := self._facts(drain):
                        yield Reading(facts=facts, position=watched_until(self._wall_ns()))
                    if drain.is_done:
                        await drain.wait()
                    else:
                        await asyncio.sleep(0)

    def request_watermark(self) -> None:
        """
        Have the time yielded at which the trace was last seen empty.
        """
        self._watermark_wanted = True
        if self.drain is not None:
            self.drain.wake()

    def _facts(self, drain: Drain) -> tuple[Fact, ...]:
        """
        Return the facts of one batch, and the watermark that was asked for if nothing is left.
        """
        if self._watermark_wanted:
            drain.read_now()
        facts = [fact for piece in drain.take(_BATCH) for fact in self._lines.feed(piece)]
        if self._watermark_wanted and drain.is_done:
            self._watermark_wanted = False
            return (*facts, WatermarkFact(source=self.name, read_until_ns=drain.read_until_ns))
        return tuple(facts)


def offered(_config: TraceConfig) -> bool:
    """
    Return whether trying is worthwhile: tracefs exists, and the agent is root or was given the capabilities.
    """
    may_write = os.access(_TRACEFS / "instances", os.W_OK, effective_ids=True)
    return _TRACEFS.exists() and (os.geteuid() == 0 or may_write)


def create(config: TraceConfig, _host: HostIdentity) -> TraceSource:
    """
    Create the source for this host.
    """
    return TraceSource(config, TraceLines(ProcFiles()))


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, _READ_BYTES)
    except BlockingIOError:
        return b""
    except OSError as error:
        raise SourceError(f"reading the trace failed: {error.strerror}") from error
