"""
Reports the state of the agent to systemd: starting, ready, reloading, stopping, alive.

Each state is one datagram of `NAME=value` lines to the socket in NOTIFY_SOCKET, see sd_notify(3). Without that
variable nothing is sent. A datagram that cannot be sent is dropped, because the agent works without a manager too.
"""

import socket
import time
from collections.abc import Callable, Mapping
from typing import Final, Self

_US_PER_S: Final = 1_000_000
_NS_PER_US: Final = 1000


class SdNotifier:
    """
    Sends state changes to the service manager.

    Args:
        address: the path of the socket, or `@` and its abstract name; None to send nothing.
        watchdog_s: the manager restarts the agent after this time without a sign of life; None if it does not.
        monotonic_ns: reads CLOCK_MONOTONIC.
    """

    def __init__(
        self,
        address: str | None,
        watchdog_s: float | None = None,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.watchdog_s = watchdog_s
        self._address = address
        self._monotonic_ns = monotonic_ns

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], pid: int) -> Self:
        """
        Create a notifier from NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.

        Args:
            environment: the variables of this process.
            pid: of this process; a watchdog for another pid is ignored.
        """
        limit_us = environment.get("WATCHDOG_USEC", "")
        is_for_us = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        watchdog_s = int(limit_us) / _US_PER_S if is_for_us and limit_us.isascii() and limit_us.isdigit() else None
        return cls(environment.get("NOTIFY_SOCKET"), watchdog_s or None)

    def ready(self, status: str) -> None:
        """
        Report that the start or the reload is done.
        """
        self._send("READY=1", f"STATUS={status}")

    def waiting(self, status: str, seconds: float) -> None:
        """
        Report that the start takes longer, and extend its timeout.

        Args:
            status: the reason.
            seconds: the new timeout, from now.
        """
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * _US_PER_S)}", f"STATUS={status}")

    def reloading(self) -> None:
        """
        Report that the configuration is being read again; `ready` ends the reload.
        """
        self._send("RELOADING=1", f"MONOTONIC_USEC={self._monotonic_ns() // _NS_PER_US}")

    def stopping(self) -> None:
        """
        Report that the shutdown has begun.
        """
        self._send("STOPPING=1", "STATUS=stopping")

    def alive(self) -> None:
        """
        Report a sign of life to the watchdog.
        """
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), address)
        except OSError:
            return
