"""
Reads the kernel log from /dev/kmsg: the source with the shortest delay, and the only one that can count its own loss.

Each read returns one record. EPIPE means that the ring buffer was overwritten before it could be read; the jump in the
sequence numbers says how many records are gone. Records that user space wrote (facility other than kern) are refused.
Format: Documentation/ABI/testing/dev-kmsg. Needs CAP_SYSLOG where kernel.dmesg_restrict is 1.
"""

import asyncio
import errno
import os
import time
from collections.abc import AsyncGenerator, Callable
from functools import partial
from pathlib import Path
from typing import Final

from collector.config.sources import KmsgConfig
from collector.facts.watermark import WatermarkFact
from collector.host.beat import until_beat_s
from collector.host.clock import BootClock, HostIdentity
from collector.host.drain import Drain
from collector.host.schedstat import RunDelay
from collector.sources.base import Position, PrivilegeError, Reading, SourceError, SourceMissingError
from collector.sources.kmsg.records import Records, stamp_of

# The kernel's own limit for a record of /dev/kmsg; reading with a smaller buffer fails with EINVAL.
_RECORD_BYTES: Final = 8192
# After so many parsed records the other tasks of the loop get their turn.
_BATCH: Final = 512
# The kernel wakes its readers at its next tick (up to 10 ms later), but a read returns records at once. So after a line
# of a report the device is read again every millisecond, as long as a report waits for its next line
# (AFTER_KILL_US of parsers/oom/lifetime.py): otherwise it would be closed before its last lines are read.
_READ_AGAIN_S: Final = 0.001
_REREADS: Final = 4
# Reading this often keeps the clock measured: a record that comes longer after a read of the empty log says nothing.
_IDLE_READ_S: Final = 1.0
# Waiting for a CPU for longer than this makes a reading late; it is what the clocks may differ by anyway.
_STARVED_NS: Final = 5_000_000


class KmsgSource:
    """
    Reads /dev/kmsg from a sequence number on.

    Args:
        config: which device.
        boot_id: this boot; with a position of another boot, reading starts at the oldest record.
        clock: converts the kernel's log clock to the wall clock.
        read: reads a record; tests pass their own.
        wall_ns: the wall clock.
    """

    name = "kmsg"

    def __init__(
        self,
        config: KmsgConfig,
        boot_id: str | None,
        clock: BootClock,
        read: Callable[[int, int], bytes] = os.read,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._config = config
        self._boot_id = boot_id
        self._clock = clock
        self._read = read
        self._wall_ns = wall_ns
        self._run_delay: RunDelay | None = None
        self._run_delay_ns = 0
        self.drain: Drain | None = None
        self._watermark_wanted = False
        self._records = Records(boot_id, clock.wall_ns)
        self._too_long = 0

    @property
    def records(self) -> int:
        """
        How many records have been read.
        """
        return self._records.count

    @property
    def garbage(self) -> int:
        """
        How many records could not be read.
        """
        return self._records.garbage + self._too_long

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Read from a position on; without one, from the oldest record that the kernel still has.

        Raises:
            SourceMissingError: the device does not exist.
            PrivilegeError: reading it is not permitted.
            SourceError: reading failed.
        """
        device = self._open()
        self._records = Records(self._boot_id, self._clock.wall_ns, self._seen_seq(position))
        drain = Drain(
            device,
            partial(self._read, device, _RECORD_BYTES),
            on_fresh=self._measure_drift,
            on_error=self._failed,
            wall_ns=self._wall_ns,
        )
        try:
            with RunDelay() as run_delay, drain:
                self.drain, self._run_delay = drain, run_delay
                async for reading in self._follow(drain, self._records):
                    yield reading
        finally:
            self.drain = self._run_delay = None
            os.close(device)

    async def _follow(self, drain: Drain, records: Records) -> AsyncGenerator[Reading]:
        rereads, yielded = 0, -1
        while True:
            if self._watermark_wanted:
                drain.read_now()
            copied = drain.take(_BATCH)
            facts = tuple(records.facts(copied))
            if drain.is_done:
                rereads = _REREADS if facts else max(rereads - 1, 0)
                facts += self._watermark(drain.read_until_ns, records)
            if facts or (records.count != yielded and (copied or drain.is_done)):
                yielded = records.count
                yield Reading(facts=facts, position={"boot_id": self._boot_id, "seq": records.seen_seq})
            if not drain.is_done:
                await asyncio.sleep(0)
            elif not await drain.wait(_READ_AGAIN_S if rereads else until_beat_s(_IDLE_READ_S)):
                self._was_starved()  # only what comes after this read counts
                drain.read_now()

    def request_watermark(self) -> None:
        """
        Have the time yielded at which the log was last seen without an unread record.
        """
        self._watermark_wanted = True
        if self.drain is not None:
            self.drain.wake()

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

    def _failed(self, error: OSError) -> None:
        """
        Skip a record that cannot be read.

        Raises:
            SourceError: nothing can be read.
        """
        if error.errno == errno.EPIPE:
            return  # overwritten: the sequence number of the next record shows how many are lost
        if error.errno == errno.EINVAL:
            self._too_long += 1  # longer than any record of the kernel: it is skipped, as the numbers show
            return
        raise SourceError(f"reading {self._config.path} failed: {error.strerror}") from error

    def _measure_drift(self, record: bytes, empty_ns: int) -> None:
        stamp_us = stamp_of(record)
        if stamp_us is not None:
            self._clock.observe(stamp_us, empty_ns, starved=self._was_starved())

    def _was_starved(self) -> bool:
        """
        Return whether this thread had to wait for a CPU since this was last asked.
        """
        now_ns = self._run_delay.read_ns() if self._run_delay is not None else 0
        before_ns, self._run_delay_ns = self._run_delay_ns, now_ns
        return now_ns - before_ns > _STARVED_NS

    def _watermark(self, read_until_ns: int, records: Records) -> tuple[WatermarkFact, ...]:
        """
        Return the watermark that was asked for; nothing without a request.
        """
        if not self._watermark_wanted:
            return ()
        self._watermark_wanted = False
        newest_us = records.newest_kernel_us()
        fact = WatermarkFact(
            source=self.name,
            read_until_ns=read_until_ns,
            newest_kernel_us=newest_us,
            newest_kernel_ns=self._clock.wall_ns(newest_us) if newest_us is not None else 0,
        )
        return (fact,)


def offered(config: KmsgConfig) -> bool:
    """
    Return whether this host has the device.
    """
    return Path(config.path).exists()


def create(config: KmsgConfig, host: HostIdentity) -> KmsgSource:
    """
    Create the source for this host.
    """
    return KmsgSource(config, host.boot_id, BootClock())
