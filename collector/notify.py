"""
What the agent tells systemd: waiting, ready, reloading, stopping, and that it is alive.

One datagram of `NAME=value` lines to the socket that NOTIFY_SOCKET names; where there is none, nothing is told. A
datagram that cannot be sent is dropped: the agent's work does not depend on who watches it. Protocol: sd_notify(3).
"""

import socket
import time
from collections.abc import Callable, Mapping
from typing import Final, Self

_US_PER_S: Final = 1_000_000
_NS_PER_US: Final = 1000


class Notifier:
    """
    Tells the service manager.

    Args:
        address: the socket's path, or `@` and its abstract name; None: nobody listens.
        watchdog_s: how long the manager waits for a sign of life; None: it does not.
        monotonic_ns: CLOCK_MONOTONIC.
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
    def of(cls, environment: Mapping[str, str], pid: int) -> Self:
        """
        As the environment says that systemd gave to this process.

        Args:
            environment: its variables.
            pid: this process; a watchdog that is meant for another is not fed.
        """
        limit_us = environment.get("WATCHDOG_USEC", "")
        meant = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        watchdog_s = int(limit_us) / _US_PER_S if meant and limit_us.isascii() and limit_us.isdigit() else None
        return cls(environment.get("NOTIFY_SOCKET"), watchdog_s or None)

    def ready(self, status: str) -> None:
        """
        Everything has been started, or the reload is done.
        """
        self._send("READY=1", f"STATUS={status}")

    def waiting(self, status: str, seconds: float) -> None:
        """
        The start takes longer; it must not be given up for so many seconds from now.
        """
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * _US_PER_S)}", f"STATUS={status}")

    def reloading(self) -> None:
        """
        The configuration is being read again; `ready` ends it.
        """
        self._send("RELOADING=1", f"MONOTONIC_USEC={self._monotonic_ns() // _NS_PER_US}")

    def stopping(self) -> None:
        """
        The end has begun.
        """
        self._send("STOPPING=1", "STATUS=stopping")

    def alive(self) -> None:
        """
        Feed the watchdog.
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
