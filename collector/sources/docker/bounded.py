"""
An HTTP answer that is bounded in bytes and time while it is read, for `http.client` and what is built on it.

Every byte that arrives counts: status line, interim answers (`100 Continue`), headers, sizes of chunks, trailers, body.
The deadline holds for each read, so a peer that sends a byte now and then gains nothing.
"""

import contextlib
import http.client
import io
import math
import select
import socket
import time
from dataclasses import dataclass
from typing import Any, Final

from collector.sources.base import SourceError

# Until the head of an answer is complete.
HEAD_S: Final = 10.0
HEAD_BYTES: Final = 262_144


class UnusableAnswerError(SourceError):
    """
    Raised when the engine answers, and the answer cannot be used: it is too long, or not what was asked for.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAnswer:
    """
    A whole answer: the HTTP status and the body.
    """

    status: int
    body: bytes


class TooLongError(OSError):
    """
    Raised when an answer exceeds its budget. An OSError, because requests and urllib3 pass those on.
    """


@dataclass(slots=True)
class Budget:
    """
    What an answer may still take: bytes, and time until `ends_s` on the monotonic clock.
    """

    left_bytes: float
    ends_s: float

    def left_s(self) -> float:
        """
        Return the time that is left.

        Raises:
            TimeoutError: there is none.
        """
        left_s = self.ends_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


class BoundedReader(io.RawIOBase):
    """
    Reads a socket, within a budget.

    Attributes:
        budget: may be replaced while the answer is read.
        is_waiting: everything that has arrived was processed, and the thread waits for more.
    """

    def __init__(self, connection: socket.socket, raw: io.RawIOBase, budget: Budget) -> None:
        super().__init__()
        self.budget = budget
        self.is_waiting = False
        self._connection = connection
        self._raw = raw

    def readable(self) -> bool:
        """
        Return True.
        """
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (what can be written to has no type before Python 3.12)
        """
        Read what has arrived; wait for it within the budget.

        Raises:
            TooLongError, TimeoutError: the budget is spent.
        """
        left_s = self.budget.left_s()
        self._connection.settimeout(None if math.isinf(left_s) else min(left_s, HEAD_S))
        self.is_waiting = True
        count: int = self._raw.readinto(buffer)
        self.is_waiting = False
        self.budget.left_bytes -= count
        if self.budget.left_bytes < 0:
            raise TooLongError
        return count

    def close(self) -> None:
        """
        Release the socket.
        """
        self._raw.close()
        super().close()

    def has_unread(self) -> bool:
        """
        Return whether something has arrived that was not read, or was read and is still being processed.
        """
        if not self.is_waiting:
            return True
        poll = select.poll()
        try:
            poll.register(self._connection, select.POLLIN)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            return False

    def end(self) -> None:
        """
        Wake the thread that waits for more, and end the answer.
        """
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


class BoundedResponse(http.client.HTTPResponse):
    """
    An answer with a budget, from its first byte.

    Attributes:
        reader: reads the socket; its budget is at first that of the head.
    """

    def __init__(self, sock: socket.socket, *args: Any, **settings: Any) -> None:  # noqa: ANN401 (passed on)
        super().__init__(sock, *args, **settings)
        budget = Budget(HEAD_BYTES, time.monotonic() + HEAD_S)
        self.reader = BoundedReader(sock, self.fp.detach(), budget)
        self.fp = io.BufferedReader(self.reader)
