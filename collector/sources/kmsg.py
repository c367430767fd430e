"""
The kernel log, read from /dev/kmsg: the source with the least delay and the only one that can count its own loss.

One record per read. EPIPE means that the ring buffer was overwritten under the reader: the jump in the sequence
numbers says how many records are gone. Records that user space wrote (facility other than kern) are refused.
Format: Documentation/ABI/testing/dev-kmsg. Needs CAP_SYSLOG where kernel.dmesg_restrict is 1.
"""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Final

from collector.correlate.facts import Fact, GapFact, KernelFact
from collector.hostclock import BootClock, HostIdentity
from collector.sources.base import Position, PrivilegeError, Reading, SourceError, SourceMissingError
from collector.sources.settings import KmsgConfig
from parsers.errors import ParseError
from parsers.kmsg import KmsgRecord, frame, is_next_and_ordinary, parse_record
from parsers.oom_facts import KernelLine
from parsers.oom_window import OomWindow
from sinks.event import EvidenceSource

_RECORD_BYTES: Final = 8192
_BATCH: Final = 512
_USER_SPACE: Final = 8
# The kernel wakes its readers at its next tick (up to 10 ms), but a read gives what is there: so after a line of a
# report it is asked again, for as long as a report waits for its next one (SETTLE_US of parsers/oom_draft.py).
_LOOK_AGAIN_S: Final = 0.001
_LOOKS: Final = 4


class KmsgSource:
    """
    Reads /dev/kmsg from a sequence number on.

    Args:
        config: which device.
        boot_id: this boot; a position of another boot begins at the oldest record.
        clock: from the kernel's log clock to the wall clock.
        read: how to read a record; tests pass their own.
    """

    name = "kmsg"

    def __init__(
        self,
        config: KmsgConfig,
        boot_id: str | None,
        clock: BootClock,
        read: Callable[[int, int], bytes] = os.read,
    ) -> None:
        self._config = config
        self._boot_id = boot_id
        self._clock = clock
        self._read = read
        self._window = OomWindow()
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Read from a position on; without one, from the oldest record that the kernel still has.

        Raises:
            SourceMissingError: there is no such device.
            PrivilegeError: it may not be read.
            SourceError: reading failed.
        """
        device = self._open()
        try:
            seen_seq = self._seen_seq(position)
            loop = asyncio.get_running_loop()
            live, looks = False, 0
            while True:
                facts, seen_seq, more = self._drain(device, seen_seq, live=live)
                live = not more
                looks = _LOOKS if facts else max(looks - 1, 0)
                yield Reading(facts=facts, position={"boot_id": self._boot_id, "seq": seen_seq})
                if more:
                    await asyncio.sleep(0)
                else:
                    await _readable(loop, device, _LOOK_AGAIN_S if looks else None)
        finally:
            os.close(device)

    def _open(self) -> int:
        try:
            return os.open(self._config.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise SourceMissingError(f"{self._config.path} does not exist") from error
        except PermissionError as error:
            remedy = "grant CAP_SYSLOG (AmbientCapabilities=CAP_SYSLOG) and DeviceAllow=/dev/kmsg r"
            raise PrivilegeError(f"reading {self._config.path} is not permitted", remedy) from error
        except OSError as error:
            raise SourceError(f"{self._config.path} cannot be opened: {error.strerror}") from error

    def _seen_seq(self, position: Position | None) -> int | None:
        if position is None or position.get("boot_id") != self._boot_id:
            return None
        seq = position.get("seq")
        return seq if isinstance(seq, int) else None

    def _drain(self, device: int, seen_seq: int | None, *, live: bool) -> tuple[tuple[Fact, ...], int | None, bool]:
        """
        Read what is there, at most a batch: the facts, the last sequence number, and whether there may be more.

        The first record of a live batch was waited for: it has just been written.
        """
        facts: list[Fact] = []
        for _ in range(_BATCH):
            try:
                record = self._read(device, _RECORD_BYTES)
            except BlockingIOError:
                return tuple(facts), seen_seq, False
            except OSError as error:
                if error.errno == errno.EPIPE:
                    continue  # overwritten: the next record's number tells how many are lost
                if error.errno == errno.EINVAL:
                    self.garbage += 1  # longer than the kernel itself can write: it is gone, and the numbers show it
                    continue
                raise SourceError(f"reading {self._config.path} failed: {error.strerror}") from error
            if not record:
                return tuple(facts), seen_seq, False
            self.records += 1
            if live:
                self._observe(record)
                live = False
            if seen_seq is not None and self._window.closed and is_next_and_ordinary(record, seen_seq):
                seen_seq += 1
            else:
                seen_seq = self._take(record, seen_seq, facts)
        return tuple(facts), seen_seq, True

    def _observe(self, record: bytes) -> None:
        framed = frame(record)
        if framed is not None:
            self._clock.observe(framed[2])

    def _take(self, record: bytes, seen_seq: int | None, facts: list[Fact]) -> int | None:
        framed = frame(record)
        if framed is None:
            self.garbage += 1
            return seen_seq
        priority, seq, monotonic_us, text = framed
        if seen_seq is not None:
            if seq <= seen_seq:
                return seen_seq
            if seq > seen_seq + 1:
                facts.append(self._lost(seen_seq, seq, monotonic_us))
        if priority < _USER_SPACE and self._window.wants(text, monotonic_us):
            fact = self._fact(record)
            if fact is not None:
                facts.append(fact)
        return seq

    def _fact(self, record: bytes) -> KernelFact | None:
        try:
            parsed = parse_record(record)
        except ParseError:
            self.garbage += 1
            return None
        return KernelFact(source=EvidenceSource.KMSG, line=self._line(parsed))

    def _line(self, record: KmsgRecord) -> KernelLine:
        return KernelLine(
            text=record.text,
            monotonic_us=record.monotonic_us,
            boot_id=self._boot_id,
            at_ns=self._clock.wall_ns(record.monotonic_us),
            seq=record.seq,
            caller=record.caller,
            fragment=record.fragment,
        )

    def _lost(self, seen_seq: int, seq: int, monotonic_us: int) -> GapFact:
        count = seq - seen_seq - 1
        at_ns = self._clock.wall_ns(monotonic_us)
        return GapFact(
            source=self.name,
            what="records_lost",
            at_ns=at_ns,
            text=f"{count} records of the kernel log were overwritten before they could be read.",
            count=count,
            to_ns=at_ns,
        )


def offered(config: KmsgConfig) -> bool:
    """
    Whether this host has the device at all.
    """
    return Path(config.path).exists()


def create(config: KmsgConfig, host: HostIdentity) -> KmsgSource:
    """
    The source for this host.
    """
    return KmsgSource(config, host.boot_id, BootClock())


async def _readable(loop: asyncio.AbstractEventLoop, device: int, within_s: float | None) -> None:
    """
    Wait until the kernel says that there is a record to read, or for so long.
    """
    ready = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(device, wake)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await ready
    finally:
        loop.remove_reader(device)
