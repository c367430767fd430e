"""
The life of processes, from the kernel's process connector: the end of every process of a container, as a
fact.

The only source that tells exit(137) from SIGKILL, and the one that names the container of a pid when the
kernel log does not. It has no position: what happened while nobody listened is not to be had again. It keeps
up with some ten thousand events a second by reading in batches; what is lost is counted, published, and
repaired by a scan of /proc. Needs CAP_NET_ADMIN, and the PID and network namespaces of the host.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Final

from collector.correlate.facts import ExitsRead, Fact, GapFact, ProcessExited
from collector.hostclock import BootClock, HostIdentity
from collector.procfs import ProcFiles
from collector.sources.base import Position, Reading, unwatched, watched_until
from collector.sources.processes.connector import OverrunError, ProcessConnector
from collector.sources.processes.losses import Losses
from collector.sources.processes.table import ProcessTable
from collector.sources.processes.tracker import Tracker
from collector.sources.settings import ProcessesConfig

_CONNECTORS: Final = Path("/proc/net/connector")
_BATCH: Final = 1024
_PAUSE_S: Final = 0.005
_LONG_PAUSE_S: Final = 0.02
_CONCERN_NS: Final = 1_000_000_000
_SETTLE_S: Final = 0.1
_TELL_EVERY_NS: Final = 100_000_000
_SCAN_EVERY_NS: Final = 1_000_000_000
_REFUSED_EVERY_NS: Final = 60_000_000_000


class ProcessesSource:
    """
    Follows the processes of all containers of the host.

    Args:
        config: how large the receive buffer is.
        clock: from the kernel's clock to the wall clock.
        wall_ns: the wall clock.
        proc: where /proc is.
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
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Follow from now on; a position says since when nobody did. The first reading comes when all processes of the
        host have been seen.

        Raises:
            SourceMissingError: there is no process connector, or it does not reach this namespace.
            PrivilegeError: it may not be read.
            SourceError: reading failed.
        """
        with ProcessConnector(self._config.receive_buffer_bytes) as connector:
            session = _Session(connector, Tracker(ProcessTable(), self._files, self._clock), self._wall_ns)
            now_ns = self._wall_ns()
            facts: tuple[Fact, ...] = unwatched(self.name, position, now_ns)
            while session.begins:
                facts += session.step()
                await asyncio.sleep(0)
            yield Reading(facts=facts, position=watched_until(now_ns))
            while True:
                facts = session.step()
                self.records, self.garbage = session.records, connector.garbage
                if facts:
                    yield Reading(facts=facts, position=watched_until(self._wall_ns()))
                await session.pause()


class _Session:
    """
    One subscription: drains the socket, scans /proc at its beginning and after each loss.
    """

    def __init__(self, connector: ProcessConnector, tracker: Tracker, wall_ns: Callable[[], int]) -> None:
        self._connector = connector
        self._tracker = tracker
        self._losses = Losses(wall_ns)
        self._wall_ns = wall_ns
        self._scan: Iterator[None] | None = tracker.scan(time.monotonic_ns())
        self._next_scan_ns = 0
        self._next_refused_ns = 0
        self._idle = False
        self._drained = False
        self._untold = False
        self._told_ns = 0
        self.records = 0

    @property
    def begins(self) -> bool:
        """
        Whether those who were there before have not all been looked at.
        """
        return self._next_scan_ns == 0

    def step(self) -> tuple[Fact, ...]:
        """
        Take what is there; gives the facts.
        """
        now_ns = time.monotonic_ns()
        before = self.records
        ends = [*self._drain(now_ns), *self._tracker.settle(now_ns)]
        self._idle = self.records == before
        gaps = [gap for gap in (self._repair(now_ns), self._refused(now_ns)) if gap is not None]
        return (*ends, *self._tracker.missed(now_ns), *gaps, *self._progress(now_ns))

    async def pause(self) -> None:
        """
        Wait until it is worth looking again: for a moment while events come, so that many are read at once.

        The moment is short while events concern containers, since /proc forgets a process soon after its end.
        """
        if self._scan is not None:
            await asyncio.sleep(0)
        elif not self._idle:
            concerned = time.monotonic_ns() - self._tracker.concerned_ns < _CONCERN_NS
            await asyncio.sleep(_PAUSE_S if concerned else _LONG_PAUSE_S)
        else:
            patience_s = _SETTLE_S if self._tracker.waiting or self._losses.open or self._untold else None
            await _readable(self._connector, patience_s)

    def _progress(self, now_ns: int) -> Iterator[ExitsRead]:
        """
        Tell now and then that all has been read: who waits for an exit need not wait longer than that.
        """
        self._untold = self._untold or not self._idle
        if self._untold and self._drained and now_ns - self._told_ns >= _TELL_EVERY_NS:
            self._untold, self._told_ns = False, now_ns
            yield ExitsRead(at_ns=self._wall_ns())

    def _repair(self, now_ns: int) -> GapFact | None:
        """
        Begin a scan after a loss, or go on with one; gives the loss when it is made good.
        """
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

    def _drain(self, now_ns: int) -> Iterator[ProcessExited]:
        """
        Read the receive buffer to its end, at most a batch.
        """
        self._drained = False
        for _ in range(_BATCH):
            try:
                datagram = self._connector.receive()
            except OverrunError:
                self._losses.overrun()
                continue
            if datagram is None:
                self._drained = True
                self._losses.all_read()
                return
            self.records += 1
            fact = self._tracker.feed(datagram, now_ns)
            if fact is not None:
                yield fact


def offered(_config: ProcessesConfig) -> bool:
    """
    Whether this host has the process connector at all; a network namespace of its own hides it.
    """
    try:
        return "cn_proc" in _CONNECTORS.read_text(encoding="ascii")
    except OSError:
        return False


def create(config: ProcessesConfig, _host: HostIdentity) -> ProcessesSource:
    """
    The source for this host.
    """
    return ProcessesSource(config, BootClock())


async def _readable(connector: ProcessConnector, patience_s: float | None) -> None:
    """
    Wait until there is an event to read, or until patience ends.
    """
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(connector.fileno(), ready.set)
    try:
        async with asyncio.timeout(patience_s):
            await ready.wait()
    except TimeoutError:
        pass
    finally:
        loop.remove_reader(connector.fileno())
