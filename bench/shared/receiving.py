"""
What the benchmarks of the webhook have in common: a receiver in a process of its own on loopback.

No program of its own. It does as little as HTTP needs, so that what is measured is the sink.
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
    A process that receives: its port, and the connection to it.

    Args:
        receive: what the process does, given its end of the connection; it first sends the port.
        args: what else it is given.
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
    Collects each request until it is whole; the client sends no second one before the answer.

    Args:
        answer: given the head of a request and where to answer it.
    """

    def __init__(self, answer: Callable[[bytes, asyncio.Transport], None]) -> None:
        self._answer = answer
        self._content = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Remember whom to answer.
        """
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """
        Collect until the body is there.
        """
        self._content += data
        head, end, body = self._content.partition(b"\r\n\r\n")
        if end and len(body) >= int(header(head, b"content-length")):
            self._content = b""
            self._answer(head, self._transport)


def header(head: bytes, name: bytes) -> bytes:
    """
    The value of a header, in small letters.
    """
    return head.lower().split(b"\r\n" + name + b":", 1)[1].split(b"\r\n", 1)[0].strip()
