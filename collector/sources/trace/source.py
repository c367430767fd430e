"""
Reads the instance of tracefs and asks /proc, at once, who the sender of a signal is.

There is nothing to resume: what happened while the agent was away is unknown, and signals that were sent then have no
known sender. Needs to write in tracefs (tracefs.py).
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from collector.correlate.facts import Fact, GapFact, SignalSeen, VictimSeen
from collector.hostclock import HostIdentity
from collector.procfs import ProcFiles
from collector.sources.base import Position, Reading, SourceError
from collector.sources.trace.tracefs import TraceInstance
from parsers.errors import ParseError
from parsers.trace_line import EventsLost, SignalGenerated, VictimMarked, begins_line, parse_line

_TRACEFS: Final = Path("/sys/kernel/tracing")
_READ_BYTES: Final = 65_536
_NS_PER_US: Final = 1000


class TraceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.trace]`: `tracefs` is where it is mounted; by default it is found.
    """

    enabled: Literal["auto"] | bool = "auto"
    tracefs: str | None = None


class TraceSource:
    """
    Follows fatal signals and the OOM killer's victims.

    Args:
        config: where tracefs is.
        proc: files of /proc.
        wall_ns: the wall clock.
        monotonic_ns: CLOCK_MONOTONIC.
    """

    name = "trace"

    def __init__(
        self,
        config: TraceConfig,
        proc: ProcFiles,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._config = config
        self._proc = proc
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Follow from now on; a position says nothing.

        Raises:
            SourceMissingError: this kernel has no tracefs.
            PrivilegeError: it may not be used.
            SourceError: reading failed.
        """
        del position
        with TraceInstance(self._config.tracefs) as instance:
            rest = b""
            yield Reading(facts=(), position={})
            while True:
                await _readable(instance.fileno())
                facts, rest = self._taken(rest + _read(instance.fileno()))
                if facts:
                    yield Reading(facts=facts, position={})

    def _taken(self, text: bytes) -> tuple[tuple[Fact, ...], bytes]:
        """
        The facts of all whole lines, and what is left.
        """
        whole, newline, rest = text.rpartition(b"\n")
        if not newline:
            return (), text[-_READ_BYTES:]
        return tuple(fact for line in _lines(whole) if (fact := self._fact(line)) is not None), rest

    def _fact(self, line: bytes) -> Fact | None:
        self.records += 1
        try:
            parsed = parse_line(line)
        except ParseError:
            self.garbage += 1
            return None
        match parsed:
            case SignalGenerated():
                return self._signal(parsed)
            case VictimMarked():
                at_ns = self._at_ns(parsed.monotonic_us)
                return VictimSeen(pid=parsed.pid, comm=parsed.comm, at_ns=at_ns)
            case EventsLost():
                count = f"{parsed.count} events" if parsed.count is not None else "Events"
                text = f"{count} of the trace were overwritten before they could be read."
                what = "events_lost"
                return GapFact(source=self.name, what=what, at_ns=self._wall_ns(), text=text, count=parsed.count)
            case None:
                return None

    def _signal(self, sent: SignalGenerated) -> SignalSeen:
        """
        A sender lives on for a moment at least, and often is gone after that.
        """
        sender = sent.sender_pid
        return SignalSeen(
            signal=sent.signal,
            code=sent.code,
            sender_pid=sender,
            sender_comm=sent.sender_comm or self._proc.comm(sender),
            sender_uid=self._proc.uid(sender),
            sender_container=self._proc.container(sender),
            sender_unit=self._proc.unit(sender),
            target_pid=sent.target_pid,
            target_comm=sent.target_comm,
            at_ns=self._at_ns(sent.monotonic_us),
        )

    def _at_ns(self, monotonic_us: int) -> int:
        return self._wall_ns() - self._monotonic_ns() + monotonic_us * _NS_PER_US


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
    return TraceSource(config, ProcFiles())


def _lines(whole: bytes) -> Iterator[bytes]:
    """
    The lines of a text; a newline within a name does not end one.
    """
    line = b""
    for piece in whole.split(b"\n"):
        if line and begins_line(piece):
            yield line
            line = piece
        else:
            line = line + b"\n" + piece if line else piece
    yield line


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
