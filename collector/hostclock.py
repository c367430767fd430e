"""
From the kernel's log clock to the wall clock, and who this host is.

The kernel stamps its log with a clock of its own that starts at boot, stops in suspend, and that nobody disciplines:
it runs away from CLOCK_MONOTONIC, by seconds in a month. How far is seen from records that are read as they are
written. The wall clock may be stepped. Ids use the kernel's own stamp.
"""

import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sinks.event import Boot, Host, HostOs

_NS_PER_US: Final = 1000
# The least of these is the true lag: reading takes some time too, now and then much.
_LAGS_KEPT: Final = 32
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
        self._lags_ns: deque[int] = deque(maxlen=_LAGS_KEPT)

    def observe(self, monotonic_us: int) -> None:
        """
        A record has been read right after it was written: its stamp and this moment are the same, but for the reading.
        """
        self._lags_ns.append(self._monotonic_ns() - monotonic_us * _NS_PER_US)
        self._taken_ns = None

    def wall_ns(self, monotonic_us: int) -> int:
        """
        The wall clock at a moment of the kernel's clock; the offset is taken anew every 10 s.
        """
        now_ns = self._monotonic_ns()
        if self._taken_ns is None or now_ns - self._taken_ns > _REFRESH_NS:
            self._offset_ns = self._wall_ns() - now_ns + min(self._lags_ns, default=0)
            self._taken_ns = now_ns
        return self._offset_ns + monotonic_us * _NS_PER_US


def boot_offset_ns() -> int:
    """
    How far CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC: the time that the host was suspended.
    """
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostIdentity:
    """
    Who this host is, as far as it says.

    Attributes:
        boot_id: 32 hex digits; None where /proc does not tell.
        booted_ns: when it was booted, wall clock.
    """

    machine_id: str | None
    boot_id: str | None
    booted_ns: int
    hostname: str
    kernel: str

    def published(self) -> Host:
        """
        The host as it stands in events.
        """
        return Host(
            id=self.machine_id,
            hostname=self.hostname,
            boot=Boot(id=self.boot_id),
            os=HostOs(kernel=self.kernel),
        )


def identify(root: Path = Path("/"), machine_id: str | None = None, hostname: str | None = None) -> HostIdentity:
    """
    Read who this host is.

    Args:
        root: where /etc and /proc are.
        machine_id: overrides /etc/machine-id.
        hostname: overrides the kernel's.
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
