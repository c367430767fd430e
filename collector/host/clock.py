"""
Converts the kernel's log clock to the wall clock, and identifies this host.

The kernel stamps its log with a clock that starts at boot, stops in suspend, and is not adjusted by NTP: it drifts from
CLOCK_MONOTONIC by seconds in a month. The drift is measured with records that are read as soon as they are written.
The wall clock may be stepped. Event ids therefore use the kernel's own stamp.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sinks.event import Boot, Host, HostOs

_NS_PER_US: Final = 1000
_NS_PER_S: Final = 1_000_000_000
# Who was stopped in between is not known to have read promptly.
_PROMPT_NS: Final = 1_500_000_000
# Quartz drifts by up to 100 microseconds a second; a lag that grew faster is time that reading took.
_DRIFT_NS_PER_S: Final = 100_000
# Soon enough after a step of the wall clock, and rarely enough to cost nothing.
_REFRESH_NS: Final = 10_000_000_000
_HEX_DIGITS: Final = 32


class BootClock:
    """
    Converts microseconds since boot to nanoseconds of the wall clock.

    Args:
        monotonic_ns: CLOCK_MONOTONIC.
        wall_ns: CLOCK_REALTIME.
    """

    def __init__(
        self, monotonic_ns: Callable[[], int] = time.monotonic_ns, wall_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns
        self._offset_ns = 0
        self._taken_ns: int | None = None
        self._drift_ns: int | None = None
        self._observed_ns = 0

    def observe(self, monotonic_us: int, empty_ns: int, *, starved: bool) -> None:
        """
        Measure the drift with a record that was written after the log was last seen empty.

        The record was written between that moment and now, which bounds the drift in any case. Where it was read
        promptly, now is the better guess; but a lag that grows faster than a clock drifts is time that reading took.

        Args:
            monotonic_us: the record's stamp, microseconds since boot.
            empty_ns: when the log was last seen to hold no unread record, CLOCK_MONOTONIC.
            starved: whether the reader had to wait for a CPU since then.
        """
        now_ns = self._monotonic_ns()
        stamp_ns = monotonic_us * _NS_PER_US
        lag_ns = now_ns - stamp_ns
        drift_ns = self._drift_ns
        if not starved and now_ns - empty_ns <= _PROMPT_NS:
            grown_ns = (now_ns - self._observed_ns) // _NS_PER_S * _DRIFT_NS_PER_S
            drift_ns = lag_ns if drift_ns is None else min(lag_ns, drift_ns + grown_ns)
        self._drift_ns = min(max(drift_ns or 0, empty_ns - stamp_ns), lag_ns)
        self._observed_ns = now_ns
        self._taken_ns = None

    def wall_ns(self, monotonic_us: int) -> int:
        """
        Return the wall clock time, in ns since 1970, of a stamp of the kernel's clock.

        The offset between the clocks is measured again every 10 s.
        """
        now_ns = self._monotonic_ns()
        if self._taken_ns is None or now_ns - self._taken_ns > _REFRESH_NS:
            self._offset_ns = self._wall_ns() - now_ns + (self._drift_ns or 0)
            self._taken_ns = now_ns
        return self._offset_ns + monotonic_us * _NS_PER_US


def boot_offset_ns() -> int:
    """
    Return how many ns CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC: the time that the host was suspended.
    """
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostIdentity:
    """
    The identity of this host.

    Attributes:
        machine_id: 32 hex digits, or what the configuration says; None if unknown.
        boot_id: 32 hex digits; None if /proc does not provide it.
        booted_ns: wall clock time of the boot.
    """

    machine_id: str | None
    boot_id: str | None
    booted_ns: int
    hostname: str
    kernel: str

    def published(self) -> Host:
        """
        Return the host in the form that events carry.
        """
        return Host(
            id=self.machine_id,
            hostname=self.hostname,
            boot=Boot(id=self.boot_id),
            os=HostOs(kernel=self.kernel),
        )


def identify(root: Path = Path("/"), machine_id: str | None = None, hostname: str | None = None) -> HostIdentity:
    """
    Read the identity of this host.

    Args:
        root: the directory that contains /etc and /proc.
        machine_id: replaces /etc/machine-id.
        hostname: replaces the kernel's hostname.
    """
    uname = os.uname()
    return HostIdentity(
        machine_id=machine_id or _hex(root / "etc/machine-id") or _hex(root / "var/lib/dbus/machine-id"),
        boot_id=_hex(root / "proc/sys/kernel/random/boot_id"),
        booted_ns=time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME),
        hostname=hostname or uname.nodename,
        kernel=uname.release,
    )


def _hex(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="ascii").strip().replace("-", "").lower()
    except (OSError, UnicodeDecodeError):
        return None
    return text if len(text) == _HEX_DIGITS else None
