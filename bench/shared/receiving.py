"""
What the webhook benchmarks share: a receiver in another process on the loopback interface.

Not a program. The receiver does as little as HTTP allows, so that the sink is measured and not the receiver.
"""

import asyncio
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, cast


@contextmanager
def receiver(receive: Callable[..., None], *args: Any) -> Iterator[tuple[int, Connection]]:  # noqa: ANN401 (passed on)
    """
    Run a receiver in another process. Yield its port, and a connection to it.

    Args:
        receive: the function of the process; its first argument is a connection, to which it first sends its port.
        args: more arguments.
    """
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs, *args), daemon=True)
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        process.terminate()
        process.join()


class Requests(asyncio.Protocol):
    """
    Collects requests. A client does not send a second request before the answer to the first.

    Args:
        answer: called with the head of each complete request, and the transport for the answer.
    """

    def __init__(self, answer: Callable[[bytes, asyncio.Transport], None]) -> None:
        self._answer = answer
        self._content = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Remember the connection of the client.
        """
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """
        Collect data until the body is complete, then answer.
        """
        self._content += data
        head, end, body = self._content.partition(b"\r\n\r\n")
        if end and len(body) >= int(header(head, b"content-length")):
            self._content = b""
            self._answer(head, self._transport)


def header(head: bytes, name: bytes) -> bytes:
    """
    Return the value of a header, in lower case.
    """
    return head.lower().split(b"\r\n" + name + b":", 1)[1].split(b"\r\n", 1)[0].strip()
