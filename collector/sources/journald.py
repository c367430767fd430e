"""
The systemd journal: the kernel log with a memory, and what systemd, systemd-oomd, earlyoom and oomd say of
kills.

It is slower than /dev/kmsg and outlives the agent and the boot, so a death just before a reboot is still
found. A thread reads and blocks when the loop does not take what it read; entries that do not concern us stay
in the thread. Needs python-systemd and the group systemd-journal.
"""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncGenerator, Callable
from typing import Final

from collector.correlate.facts import Fact, GapFact, KernelFact
from collector.hostclock import HostIdentity
from collector.sources import journal_reader
from collector.sources.base import Position, Reading, SourceError
from collector.sources.journal_reader import Entry, JournalReader, LostPlace
from collector.sources.settings import JournaldConfig
from parsers.errors import ParseError
from parsers.journal import kernel_line, parse_entry
from parsers.killers import parse_killer
from parsers.oom_window import OomWindow
from sinks.event import EvidenceSource

_BATCH: Final = 256
_READINGS_AHEAD: Final = 4
_LOOK_EVERY_S: Final = 0.5
_NS_PER_US: Final = 1000


class JournaldSource:
    """
    Reads the journal from a cursor on.

    Args:
        config: which journal.
        boot_id: this boot; without a position reading begins at the boot before it.
        wall_ns: the wall clock.
        idle_s: how often the position moves on while nothing comes that concerns us.
    """

    name = "journald"

    def __init__(
        self,
        config: JournaldConfig,
        boot_id: str | None,
        wall_ns: Callable[[], int] = time.time_ns,
        idle_s: float = 60,
    ) -> None:
        self._config = config
        self._boot_id = boot_id
        self._wall_ns = wall_ns
        self._idle_s = idle_s
        self._window = OomWindow()
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Read from a position on; without one, from the beginning of the boot before this one.

        Raises:
            SourceMissingError: there is no journal, or python-systemd is not installed.
            PrivilegeError: the journal may not be read.
            SourceError: reading failed.
        """
        outlet = _Outlet(asyncio.get_running_loop())
        reader = JournalReader(self._config.path, self._boot_id)
        thread = threading.Thread(target=self._run, args=(reader, position, outlet), name="journald-read", daemon=True)
        thread.start()
        try:
            while True:
                yield await outlet.take()
        finally:
            outlet.stop()

    def _run(self, reader: JournalReader, position: Position | None, outlet: "_Outlet") -> None:
        """
        The thread: all use of the reader is here.
        """
        try:
            self._tell_lost(reader.open(position), reader, outlet)
            outlet.put(Reading(facts=(), position=reader.position or {}))  # readable, whether or not there is news
            self._follow(reader, outlet)
        except SourceError as error:
            outlet.put(error)
        except OSError as error:
            outlet.put(SourceError(f"reading the journal failed: {error.strerror}"))
        finally:
            reader.close()

    def _follow(self, reader: JournalReader, outlet: "_Outlet") -> None:
        idle_since_s = time.monotonic()
        changed = False
        while not outlet.stopped:
            idle = time.monotonic() - idle_since_s >= self._idle_s
            tail = reader.tail() if idle else None
            # The tail is taken first: if nothing comes now that is older, all until there was read.
            changed |= reader.wait(0) if idle else False
            more = self._drain(reader, outlet)
            if more:
                idle_since_s = time.monotonic()
            elif changed:
                self._tell_lost(reader.reopen(), reader, outlet)
                changed = False
                continue
            elif idle:
                self._move_on(reader, tail, outlet)
                idle_since_s = time.monotonic()
            else:
                changed = reader.wait(_LOOK_EVERY_S)

    def _drain(self, reader: JournalReader, outlet: "_Outlet") -> bool:
        """
        Hand on one batch; False when there was nothing to read.
        """
        broken = reader.broken
        entries = reader.read(_BATCH)
        self.garbage += reader.broken - broken
        if not entries:
            return False
        facts = tuple(fact for fact in map(self._fact, entries) if fact is not None)
        outlet.put(Reading(facts=facts, position=reader.position or {}))
        return True

    def _move_on(self, reader: JournalReader, tail: Position | None, outlet: "_Outlet") -> None:
        """
        Move the position to the journal's end, so that it is not vacuumed away while nothing concerns us.
        """
        if tail is not None and tail != reader.position:
            reader.move_to(tail)
            outlet.put(Reading(facts=(), position=tail))

    def _fact(self, fields: Entry) -> Fact | None:
        self.records += 1
        try:
            entry = parse_entry(fields)
        except ParseError:
            self.garbage += 1
            return None
        line = kernel_line(entry)
        if line is None:
            return parse_killer(entry)
        if not self._window.wants(line.text, line.monotonic_us):
            return None
        return KernelFact(source=EvidenceSource.JOURNALD, line=line)

    def _tell_lost(self, lost: LostPlace | None, reader: JournalReader, outlet: "_Outlet") -> None:
        if lost is None:
            return
        gap = GapFact(
            source=self.name,
            what="cursor_lost",
            at_ns=self._wall_ns(),
            text="The journal was vacuumed past the place where reading ended; what was between is lost.",
            from_ns=lost.from_us * _NS_PER_US if lost.from_us is not None else None,
            to_ns=lost.to_us * _NS_PER_US if lost.to_us is not None else None,
        )
        outlet.put(Reading(facts=(gap,), position=reader.position or {}))


def offered(config: JournaldConfig) -> bool:
    """
    Whether this host keeps a journal at all.
    """
    return journal_reader.offered(config.path)


def create(config: JournaldConfig, host: HostIdentity) -> JournaldSource:
    """
    The source for this host.
    """
    return JournaldSource(config, host.boot_id)


class _Outlet:
    """
    The bounded way from the thread to the loop: the thread waits while it is full, ends when it is stopped.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: queue.Queue[Reading | SourceError] = queue.Queue(_READINGS_AHEAD)
        self._news = asyncio.Event()
        self._stop = threading.Event()

    @property
    def stopped(self) -> bool:
        """
        Whether nobody takes anything any more.
        """
        return self._stop.is_set()

    def stop(self) -> None:
        """
        Let the thread end; it does within half a second.
        """
        self._stop.set()

    def put(self, item: Reading | SourceError) -> None:
        """
        Hand on an item, from the thread.
        """
        while not self.stopped:
            try:
                self._items.put(item, timeout=_LOOK_EVERY_S)
            except queue.Full:
                continue
            self._tell()
            return

    async def take(self) -> Reading:
        """
        The next reading.

        Raises:
            SourceError: the thread ended with it.
        """
        while self._items.empty():
            self._news.clear()
            await self._news.wait()
        item = self._items.get_nowait()
        if isinstance(item, SourceError):
            raise item
        return item

    def _tell(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:
            self._stop.set()  # the loop is closed
