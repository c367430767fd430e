"""
Posting to servers that misbehave in every known way: real ones, on loopback.

Every error, its traceback and all that is logged are searched for the secrets of the configuration.
"""

import gzip
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final

import pytest

from sinks.errors import DisabledError, Reason, TransientError
from sinks.secret import Secret
from tests.unit.sinks.http.probe import CLOSED_PORT, HIDDEN, client, failure
from tests.unit.sinks.http.receiver import Answer, close, flood, raw, receiver, reset, silence, status

CHUNKED: Final = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reset, Reason.UNREACHABLE),
        (close, Reason.UNREACHABLE),
        (raw(b"HTTP/1.1 20", then=close), Reason.UNREACHABLE),
        (raw(b"HTTP/1.1 200 OK\r\nx: y\r\n", then=reset), Reason.UNREACHABLE),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), Reason.SERVER_ERROR),
        (raw(b"HTTP/1.1 two hundred\r\n\r\n"), Reason.SERVER_ERROR),
        (raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n"), Reason.SERVER_ERROR),
        (raw(b"HTTP/1.1 200 OK\r\nx: ", then=flood), Reason.SERVER_ERROR),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000 + b"\r\n"), Reason.SERVER_ERROR),
        (status(500), Reason.SERVER_ERROR),
        (status(503), Reason.SERVER_ERROR),
    ],
    ids=[
        "reset",
        "close",
        "half a status",
        "half a head, reset",
        "another protocol",
        "no number",
        "a long header",
        "an endless header",
        "many headers",
        "500",
        "503",
    ],
)
async def test_a_broken_response_is_a_transient_error(answer: Answer, reason: Reason) -> None:
    """
    A broken response says nothing about the event, so it is retried.
    """
    async with receiver(answer) as server, client(server.port) as found:
        error = await failure(found)
    assert (type(error), error.reason) == (TransientError, reason)


async def test_a_number_that_is_still_in_use_is_a_transient_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    uvloop refuses a socket whose number a closed one had a moment ago.
    """

    async def refuse(*_request: object, **_settings: object) -> None:
        raise RuntimeError("File descriptor 21 is used by transport")

    monkeypatch.setattr("aiohttp.TCPConnector.connect", refuse)
    async with receiver(status(204)) as server, client(server.port) as found:
        error = await failure(found)
    assert (type(error), error.reason) == (TransientError, Reason.UNREACHABLE)


@pytest.mark.parametrize("host", ["a..b", "a" * 64, "1.2.3.4.5"])
async def test_an_impossible_host_name_disables_the_sink(host: str) -> None:
    """
    No resolver will ever know such a name, so a person must fix it.
    """
    async with client(0, url=Secret(f"http://{host}/{HIDDEN}")) as found:
        error = await failure(found)
    assert (type(error), error.reason) == (DisabledError, Reason.UNUSABLE)


@pytest.mark.parametrize("answer", [silence, raw(b"HTTP/1.1 200 OK\r\n", then=silence)], ids=["nothing", "half a head"])
async def test_a_server_that_does_not_respond_times_out(answer: Answer) -> None:
    """
    A request fails after the configured time.
    """
    async with receiver(answer) as server, client(server.port, timeout_s=0.2) as found:
        error = await failure(found)
    assert (type(error), error.reason) == (TransientError, Reason.TIMEOUT)


@pytest.mark.parametrize(
    "answer",
    [
        raw(CHUNKED + b"7fffffff\r\n", then=flood),
        raw(CHUNKED + b"10\r\nabc", then=reset),
        raw(CHUNKED, then=silence),
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", then=flood),
        raw(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc"),
    ],
    ids=["endless", "reset", "slow", "long", "no gzip"],
)
async def test_a_body_does_not_undo_the_status(answer: Answer) -> None:
    """
    An accepted request stays accepted, whatever the body does; the next request finds a working connection.
    """
    async with receiver(answer, status(200)) as server, client(server.port) as found:
        await found.post(b"1", {})
        await found.post(b"2", {})
    assert [request.body for request in server.requests] == [b"1", b"2"]


async def test_one_connection_serves_many_requests() -> None:
    """
    A connection is kept as long as responses are complete.
    """
    async with receiver() as server, client(server.port) as found:
        for number in range(5):
            await found.post(b"%d" % number, {})
    assert (len(server.requests), server.connections) == (5, 1)


async def test_retry_after_is_passed_on() -> None:
    """
    A server may ask for a wait in seconds or until a date.
    """
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    answers = [status(429, "retry-after: 17\r\n"), status(503, f"Retry-After: {date}\r\n"), status(429)]
    async with receiver(*answers) as server, client(server.port) as found:
        errors = [await failure(found) for _ in answers]
    waits_s = [error.retry_after_s for error in errors if isinstance(error, TransientError)]
    assert waits_s == [17.0, pytest.approx(600, abs=60), None]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(code: int) -> None:
    """
    A response cannot send events elsewhere; a person must look at a redirect.
    """
    async with (
        receiver() as trap,
        receiver(status(code, f"location: http://127.0.0.1:{trap.port}/\r\n")) as server,
        client(server.port) as found,
    ):
        error = await failure(found)
    assert (type(error), error.reason) == (DisabledError, Reason.UNUSABLE)
    assert (len(server.requests), trap.connections) == (1, 0)


async def test_http_410_disables_the_sink() -> None:
    """
    HTTP 410 asks the client to stop.
    """
    async with receiver(status(410)) as server, client(server.port) as found:
        error = await failure(found)
    assert (type(error), error.reason) == (DisabledError, Reason.NO_SUCH_TARGET)


async def test_cookies_are_not_kept() -> None:
    """
    A response has no influence on later requests.
    """
    async with receiver(status(200, "set-cookie: a=b; path=/\r\n")) as server, client(server.port) as found:
        await found.post(b"", {})
        await found.post(b"", {})
    assert "cookie" not in server.requests[1].headers


async def test_an_unreachable_server_is_a_transient_error() -> None:
    """
    A closed port, an unknown name and a client that is not open are all unreachable.
    """
    async with client(CLOSED_PORT) as found:
        assert (await failure(found)).detail == "127.0.0.1: Connection refused"
    assert (await failure(found)).detail == "the sink is not open"
    async with client(1, url=Secret(f"http://no-such-name.invalid/{HIDDEN}")) as found:
        assert (await failure(found)).detail == "no-such-name.invalid: the host name cannot be resolved"


async def test_the_headers_of_a_request_win() -> None:
    """
    Headers of a request replace configured ones, regardless of case.
    """
    async with receiver() as server, client(server.port) as found:
        await found.post(b"", {"authorization": "own", "content-type": "text/plain"})
    headers = server.requests[0].headers
    assert (headers["authorization"], headers["content-type"], headers["user-agent"]) == (
        "own",
        "text/plain",
        "exit137",
    )


async def test_a_body_can_be_compressed() -> None:
    """
    A compressed body has the header that says so.
    """
    async with receiver() as server, client(server.port, gzip=True) as found:
        await found.post(b"a" * 1000, {})
    request = server.requests[0]
    assert request.headers["content-encoding"] == "gzip"
    assert len(request.body) < 100
    assert gzip.decompress(request.body) == b"a" * 1000
