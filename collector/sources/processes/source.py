"""
Follows processes through the kernel's process connector: the exit of every process of a container becomes a fact.

The only source that distinguishes exit(137) from SIGKILL, and the one that knows a pid's container when the kernel log
does not name it. It cannot read the past. Reading in batches, it keeps up with ten thousand events a second; lost
events are counted, published as a gap, and repaired by a scan of /proc. Needs CAP_NET_ADMIN, and the host's PID and
network namespaces.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Final

from collector.config.sources import ProcessesConfig
from collector.facts.kernel import ThreadCrashedFact
from collector.facts.observed import Fact, GapFact, ProcessExitedFact
from collector.facts.watermark import WatermarkFact
from collector.host.clock import BootClock, HostIdentity
from collector.host.drain import Drain
from collector.host.procfs import ProcFiles
from collector.sources.base import Position, Reading, unwatched, watched_until
from collector.sources.processes.connector import OverrunError, ProcessConnector
from collector.sources.processes.losses import Losses
from collector.sources.processes.table import ProcessTable
from collector.sources.processes.tracker import Tracker

_SOURCE: Final = "processes"
_CONNECTORS: Final = Path("/proc/net/connector")
# After so many processed events the other tasks of the loop get their turn.
_BATCH: Final = 1024
# Short while events concern containers, because /proc forgets a process soon after its end; longer otherwise, so that
# many events are read at once.
_PAUSE_S: Final = 0.005
_LONG_PAUSE_S: Final = 0.02
_CONCERN_NS: Final = 1_000_000_000
# How soon a loss is looked at again while no events arrive.
_RECHECK_NS: Final = 100_000_000
_NS_PER_MS: Final = 1_000_000
_MS_PER_S: Final = 1000
# A host that loses events all the time must not be scanned all the time.
_SCAN_EVERY_NS: Final = 1_000_000_000
_REFUSED_EVERY_NS: Final = 60_000_000_000


class ProcessesSource:
    """
    Follows the processes of all containers of the host.

    Args:
        config: the size of the receive buffer.
        clock: converts the kernel's clock to the wall clock.
        wall_ns: the wall clock.
        proc: where /proc is mounted.
    """

    name = "processes"

    def __init__(
        self,
        config: ProcessesConfig,
        clock: BootClock,
        wall_ns: Callable[[], int] = time.time_ns,
        proc: str = "/proc",
    ) -> None:
        self._config = config
        self._clock = clock
        self._wall_ns = wall_ns
        self._files = ProcFiles(proc)
        self._session: _Session | None = None
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Follow from now on; the time since the position is yielded as a gap.

        The first reading comes after the first scan, when all processes of the host are known.

        Raises:
            SourceMissingError: there is no process connector, or it does not work in this namespace.
            PrivilegeError: reading it is not permitted.
            SourceError: reading failed.
        """
        with ProcessConnector(self._config.receive_buffer_bytes) as connector:
            tracker = Tracker(ProcessTable(), self._files, self._clock)
            session = _Session(connector, tracker, self._wall_ns)
            with session.drain:
                self._session = session
                now_ns = self._wall_ns()
                facts: tuple[Fact, ...] = unwatched(self.name, position, now_ns)
                while session.is_starting:
                    facts += session.step()
                    await asyncio.sleep(0)
                yield Reading(facts=facts, position=watched_until(now_ns))
                while True:
                    facts = session.step()
                    self.records, self.garbage = session.records, connector.garbage
                    if facts:
                        yield Reading(facts=facts, position=watched_until(self._wall_ns()))
                    await session.pause()

    @property
    def drain(self) -> Drain | None:
        """
        The events that were copied and not processed yet.
        """
        return self._session.drain if self._session is not None else None

    def request_watermark(self) -> None:
        """
        Have the time yielded until which all exits have been read.
        """
        if self._session is not None:
            self._session.request_watermark()


class _Session:
    """
    One subscription: reads the socket, and scans /proc at the beginning and after each loss.
    """

    def __init__(self, connector: ProcessConnector, tracker: Tracker, wall_ns: Callable[[], int]) -> None:
        self._connector = connector
        self._tracker = tracker
        self._losses = Losses(wall_ns)
        self._wall_ns = wall_ns
        self._scan: Iterator[None] | None = tracker.scan(time.monotonic_ns())
        self._next_scan_ns = 0
        self._next_refused_ns = 0
        self._watermark_wanted = False
        self.drain = Drain(connector.fileno(), self._copy, interval_s=_LONG_PAUSE_S, wall_ns=wall_ns)
        self.records = 0

    @property
    def is_starting(self) -> bool:
        """
        Whether the first scan, of the processes that already ran, is not finished.
        """
        return self._next_scan_ns == 0

    def step(self) -> tuple[Fact, ...]:
        """
        Process the copied events, at most one batch, go on with a scan, and return the facts.
        """
        now_ns = time.monotonic_ns()
        if self._watermark_wanted or self._scan is not None:
            self.drain.read_now()
        datagrams = self.drain.take(_BATCH)
        exits = [*self._feed(datagrams, now_ns), *self._tracker.recheck(now_ns)]
        is_concerned = now_ns - self._tracker.concerned_ns < _CONCERN_NS
        self.drain.interval_s = _PAUSE_S if is_concerned else _LONG_PAUSE_S
        gaps = [gap for gap in (self._repair(now_ns), self._refused(now_ns)) if gap is not None]
        return (*exits, *self._tracker.missed(now_ns), *gaps, *self._watermark())

    async def pause(self) -> None:
        """
        Wait until the next step is worthwhile: until events were copied, or something is to be looked at again.
        """
        if self._scan is not None or not self.drain.is_done:
            await asyncio.sleep(0)
            return
        now_ns = time.monotonic_ns()
        due_ns = now_ns + _RECHECK_NS if self._losses.open else self._tracker.due_ns
        # Timers count whole milliseconds: one that ends early would only begin another wait.
        wait_ms = max(due_ns - now_ns, 0) // _NS_PER_MS + 1 if due_ns is not None else None
        await self.drain.wait(wait_ms / _MS_PER_S if wait_ms is not None else None)

    def request_watermark(self) -> None:
        """
        Have a watermark returned by the first step that reads all events.
        """
        self._watermark_wanted = True
        self.drain.wake()

    def _watermark(self) -> Iterator[WatermarkFact]:
        """
        Yield the watermark that was asked for, if all events were read, and none is lost that a scan has yet to repair.
        """
        if self._watermark_wanted and self.drain.is_done and not self._losses.open and self._scan is None:
            self._watermark_wanted = False
            yield WatermarkFact(source=_SOURCE, read_until_ns=self.drain.read_until_ns)

    def _repair(self, now_ns: int) -> GapFact | None:
        """
        Start a scan after a loss, or continue one; return the loss when the scan has repaired it.

        The scan waits while copied events are not processed: it would take their processes for unseen.
        """
        if not self.drain.is_done:
            return None
        if self._scan is None and self._losses.open and now_ns >= self._next_scan_ns:
            self._losses.scan_begins(self._connector.dropped())
            self._scan = self._tracker.scan(now_ns)
        if self._scan is None or next(self._scan, self) is not self:
            return None
        self._scan = None
        self._next_scan_ns = now_ns + _SCAN_EVERY_NS
        return self._losses.scan_ended()

    def _refused(self, now_ns: int) -> GapFact | None:
        if now_ns < self._next_refused_ns:
            return None
        self._next_refused_ns = now_ns + _REFUSED_EVERY_NS
        return self._losses.refused(self._tracker.refused)

    def _copy(self) -> bytes:
        """
        Return the next event; b"" if the receive buffer is empty.
        """
        while True:
            try:
                datagram = self._connector.receive()
            except OverrunError:
                self._losses.overrun()
                continue
            if datagram is None:
                self._losses.all_read()
                return b""
            return bytes(datagram)

    def _feed(self, datagrams: list[bytes], now_ns: int) -> Iterator[ProcessExitedFact | ThreadCrashedFact]:
        self.records += len(datagrams)
        for datagram in datagrams:
            fact = self._tracker.feed(datagram, now_ns)
            if fact is not None:
                yield fact


def offered(_config: ProcessesConfig) -> bool:
    """
    Return whether this host has the process connector; in another network namespace it is hidden.
    """
    try:
        return "cn_proc" in _CONNECTORS.read_text(encoding="ascii")
    except OSError:
        return False


def create(config: ProcessesConfig, _host: HostIdentity) -> ProcessesSource:
    """
    Create the source for this host.
    """
    return ProcessesSource(config, BootClock())
