"""
What a server can make the client read, and for how long: never more than the client asks for.
"""

import asyncio
from typing import Final

import pytest

from sinks.errors import Reason, TransientError
from tests.unit.sinks.http.probe import client, failure
from tests.unit.sinks.http.receiver import Answer, raw, receiver, silence, status

OK: Final = b"HTTP/1.1 200 OK\r\n"
# With a flood, a client that reads on ends with a timeout, after this time.
NEVER_S: Final = 20.0


def endless(piece: bytes, begin: bytes = b"", pause_s: float = 0) -> Answer:
    """
    Return an answer that repeats a piece until the client ends the connection.
    """

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
        endless(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 500),
        endless(b"HTTP/1.1 100 Continue\r\n\r\n", pause_s=0.01),
        endless(b"\r\n" * 8192),
        endless(b"x: y\r\n" * 2000, OK),
    ],
    ids=["100", "103", "100, one at a time", "empty lines", "headers"],
)
async def test_a_head_without_end_is_refused(answer: Answer) -> None:
    """
    A server that never comes to its answer is refused long before the deadline.
    """
    async with receiver(answer) as server, client(server.port, timeout_s=NEVER_S) as found:
        error = await failure(found)
    assert isinstance(error, TransientError)
    assert error.reason is Reason.SERVER_ERROR


async def test_a_few_interim_answers_are_allowed() -> None:
    """
    Interim answers may precede the answer, for each request of a connection.
    """
    interim = raw(b"HTTP/1.1 102 Processing\r\n\r\n" * 6, then=status(200))
    async with receiver(interim) as server, client(server.port) as found:
        for _ in range(4):
            await found.post(b"", {})
    assert server.connections == 1


async def test_a_head_that_drips_ends_at_the_deadline() -> None:
    """
    The deadline holds for the whole head: a byte now and then does not extend it.
    """
    async with (
        receiver(endless(b"x", OK + b"x: ", pause_s=0.02)) as server,
        client(server.port, timeout_s=0.3) as found,
    ):
        error = await failure(found)
    assert (type(error), error.reason) == (TransientError, Reason.TIMEOUT)


async def test_an_exchange_returns_status_and_body() -> None:
    """
    A destination that answers with a body is asked with `exchange`; path and query are added to the configured URL.
    """
    answer = raw(b"HTTP/1.1 503 Busy\r\nretry-after: 3\r\ncontent-length: 2\r\n\r\nno")
    async with receiver(answer) as server, client(server.port) as found:
        given = {"content-type": "application/json"}
        got = await found.exchange("PUT", b"{}", given, path="_template/a", query={"filter_path": "items.*.status"})
    assert (got.status, got.retry_after, got.body) == (503, "3", b"no")
    assert server.requests[0].line.startswith("PUT /")
    assert server.requests[0].line.endswith("/_template/a?filter_path=items.*.status HTTP/1.1")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (endless(b"x" * 8192, OK + b"content-length: 100000000\r\n\r\n"), Reason.SERVER_ERROR),
        (endless(b"1;" + b"x" * 2000 + b"\r\n.\r\n", OK + b"transfer-encoding: chunked\r\n\r\n"), Reason.SERVER_ERROR),
        (raw(OK + b"content-length: 10\r\n\r\n", then=silence), Reason.TIMEOUT),
        (endless(b"x", OK + b"content-length: 10000\r\n\r\n", pause_s=0.02), Reason.TIMEOUT),
        (raw(OK + b"content-length: 4\r\n\r\nx"), Reason.TIMEOUT),
    ],
    ids=["long", "long chunk extensions", "no body", "drip", "short"],
)
async def test_an_exchange_fails_without_a_whole_short_body(answer: Answer, reason: Reason) -> None:
    """
    A body that is too long or too late is no answer.
    """
    async with receiver(answer) as server, client(server.port, timeout_s=0.5) as found:
        with pytest.raises(TransientError) as caught:
            await found.exchange("POST", b"", {})
    assert caught.value.reason == reason
