"""
Follows the systemd journal: the kernel log, and the messages of systemd, systemd-oomd, earlyoom and oomd about kills.

It is slower than /dev/kmsg, but keeps its entries across restarts and reboots, so a death just before a reboot is still
found. A thread reads, and waits while the event loop does not take its readings; unrelated entries never leave the
thread. Needs python-systemd and membership in the group systemd-journal.
"""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncGenerator, Callable
from typing import Final

from collector.config.sources import JournaldConfig
from collector.facts.observed import Fact, GapFact
from collector.facts.watermark import WatermarkFact
from collector.host.clock import HostIdentity
from collector.host.wake import Wake
from collector.sources.base import Position, Reading, SourceError
from collector.sources.journald import files
from collector.sources.journald.entries import fact_of_entry, fact_of_line, hole_of_entry
from collector.sources.journald.reader import Entry, JournalReader, LostCursor
from parsers.errors import ParseError
from parsers.journal import parse_entry, parse_kernel_line
from parsers.kernel import NoticeWindow
from parsers.oom.facts import KernelLine
from parsers.oom.window import OomWindow
from parsers.podman_event import parse_podman_event
from sinks.event import GapKind

_BATCH: Final = 256
# So many readings may wait for the loop; then the thread waits, which costs nothing: the journal keeps its entries.
_READINGS_AHEAD: Final = 4
# So long after the last request for a watermark, new entries are looked for often: journald announces them up to 250 ms
# after it has written them, and more requests are likely to follow.
_ALERT_S: Final = 3.0
_ALERT_CHECK_S: Final = 0.05
# While nothing happens, the thread looks for entries so often: not every mount reports changes.
_IDLE_CHECK_S: Final = 2.0
# How soon the thread notices that it is to stop while the queue is full.
_STOP_CHECK_S: Final = 0.5
_NS_PER_US: Final = 1000
_US_PER_HOUR: Final = 3_600_000_000


class JournaldSource:
    """
    Reads the journal from a cursor on.

    Args:
        config: which journal.
        boot_id: this boot; without a position, reading starts at the boot before it, or at `history_h`.
        wall_ns: the wall clock.
        idle_s: how often the position advances while there are only unrelated entries.
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
        self._window, self._notices = OomWindow(), NoticeWindow()
        self._watermark_wanted = threading.Event()
        self._requested_s = -_ALERT_S
        self._wake: Wake | None = None
        self._newest_kernel: KernelLine | None = None
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Read from a position on; without one, the last hours, at most from the beginning of the boot before this one.

        Raises:
            SourceMissingError: there is no journal, or python-systemd is not installed.
            PrivilegeError: reading the journal is not permitted.
            SourceError: reading failed.
        """
        readings = _ReadingQueue(asyncio.get_running_loop())
        reader = JournalReader(self._config.path, self._boot_id, int(self._config.history_h * _US_PER_HOUR))
        self._wake = wake = Wake()
        arguments = (reader, position, readings, wake)
        threading.Thread(target=self._run, args=arguments, name="journald-read", daemon=True).start()
        try:
            while True:
                yield await readings.take()
        finally:
            self._wake = None
            readings.stop()
            wake.set()

    def request_watermark(self) -> None:
        """
        Have the time yielded at which the journal was last read to its end.
        """
        self._requested_s = time.monotonic()
        self._watermark_wanted.set()
        if self._wake is not None:
            self._wake.set()

    def _run(self, reader: JournalReader, position: Position | None, readings: "_ReadingQueue", wake: Wake) -> None:
        """
        Run the thread; only the thread uses the reader.
        """
        with wake:
            self._read(reader, position, readings, wake)

    def _read(self, reader: JournalReader, position: Position | None, readings: "_ReadingQueue", wake: Wake) -> None:
        try:
            self._put_gap(reader.open(position), reader, readings)
            readings.put(Reading(facts=(), position=reader.position or {}))  # shows at once that the source is up
            self._follow(reader, readings, wake)
        except SourceError as error:
            readings.put(error)
        except OSError as error:
            readings.put(SourceError(f"reading the journal failed: {error.strerror}"))
        finally:
            reader.close()

    def _follow(self, reader: JournalReader, readings: "_ReadingQueue", wake: Wake) -> None:
        idle_since_s = time.monotonic()
        changed = False
        while not readings.stopped:
            idle, wanted = time.monotonic() - idle_since_s >= self._idle_s, self._watermark_wanted.is_set()
            before_ns = self._wall_ns()
            # The tail is read before the entries: if there are none then, everything up to the tail has been read.
            tail = reader.tail() if idle else None
            changed |= reader.wait(0) if idle or wanted else False
            more = self._drain(reader, readings)
            if reader.is_reopen_due:
                self._put_gap(reader.reopen(), reader, readings)
            if more:
                idle_since_s = time.monotonic()
            elif changed:
                self._put_gap(reader.reopen(), reader, readings)
                changed = False
                continue
            elif wanted:
                self._put_watermark(before_ns, reader, readings)
            elif idle:
                self._advance(reader, tail, readings)
                idle_since_s = time.monotonic()
            else:
                is_alert = time.monotonic() - self._requested_s < _ALERT_S
                changed = reader.wait(_ALERT_CHECK_S if is_alert else min(_IDLE_CHECK_S, self._idle_s), wake)

    def _drain(self, reader: JournalReader, readings: "_ReadingQueue") -> bool:
        """
        Read one batch and queue its facts; return False if there was nothing to read.
        """
        broken = reader.broken
        entries = reader.read(_BATCH)
        self.garbage += reader.broken - broken
        if not entries:
            return False
        facts = tuple(fact for fact in map(self._fact, entries) if fact is not None)
        readings.put(Reading(facts=facts, position=reader.position or {}))
        return True

    def _advance(self, reader: JournalReader, tail: Position | None, readings: "_ReadingQueue") -> None:
        """
        Move the position to the journal's end, so that its entry is not vacuumed while only unrelated entries arrive.
        """
        if tail is not None and tail != reader.position:
            reader.move_to(tail)
            readings.put(Reading(facts=(), position=tail))

    def _put_watermark(self, read_until_ns: int, reader: JournalReader, readings: "_ReadingQueue") -> None:
        self._watermark_wanted.clear()
        newest = self._newest_kernel
        fact = WatermarkFact(
            source=self.name,
            read_until_ns=read_until_ns,
            newest_kernel_us=newest.monotonic_us if newest is not None else None,
            newest_kernel_ns=(newest.at_ns or 0) if newest is not None else 0,
        )
        readings.put(Reading(facts=(fact,), position=reader.position or {}))

    def _fact(self, fields: Entry) -> Fact | None:
        self.records += 1
        line = parse_kernel_line(fields)
        if line is not None:
            if line.boot_id == self._boot_id:
                self._newest_kernel = line
            return fact_of_line(line, self._window, self._notices)
        try:
            entry = parse_entry(fields)
        except ParseError:
            self.garbage += 1
            return None
        if entry.podman is not None:
            return parse_podman_event(entry) if entry.boot_id == self._boot_id else None
        newest_ns = self._newest_kernel.at_ns if self._newest_kernel is not None else None
        return hole_of_entry(entry, newest_ns) or fact_of_entry(entry, self._window, self._notices)

    def _put_gap(self, lost: LostCursor | None, reader: JournalReader, readings: "_ReadingQueue") -> None:
        if lost is None:
            return
        gap = GapFact(
            source=self.name,
            what=GapKind.CURSOR_LOST,
            at_ns=self._wall_ns(),
            text="The journal was vacuumed before all of it was read; the entries in between are lost.",
            from_ns=lost.from_us * _NS_PER_US if lost.from_us is not None else None,
            to_ns=lost.to_us * _NS_PER_US if lost.to_us is not None else None,
        )
        readings.put(Reading(facts=(gap,), position=reader.position or {}))


def offered(config: JournaldConfig) -> bool:
    """
    Return whether this host has journal files.
    """
    return files.offered(config.path)


def create(config: JournaldConfig, host: HostIdentity) -> JournaldSource:
    """
    Create the source for this host.
    """
    return JournaldSource(config, host.boot_id)


class _ReadingQueue:
    """
    The bounded queue from the thread to the loop; the thread waits while it is full.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: queue.Queue[Reading | SourceError] = queue.Queue(_READINGS_AHEAD)
        self._news = asyncio.Event()
        self._stop = threading.Event()

    @property
    def stopped(self) -> bool:
        """
        Whether the loop has stopped taking readings.
        """
        return self._stop.is_set()

    def stop(self) -> None:
        """
        Make the thread end, once it has finished its wait.
        """
        self._stop.set()

    def put(self, item: Reading | SourceError) -> None:
        """
        Queue an item, from the thread; wait while the queue is full.
        """
        while not self.stopped:
            try:
                self._items.put(item, timeout=_STOP_CHECK_S)
            except queue.Full:
                continue
            self._wake()
            return

    async def take(self) -> Reading:
        """
        Return the next reading.

        Raises:
            SourceError: the thread has ended with this error.
        """
        while self._items.empty():
            self._news.clear()
            await self._news.wait()
        item = self._items.get_nowait()
        if isinstance(item, SourceError):
            raise item
        return item

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:
            self._stop.set()  # the loop is closed
