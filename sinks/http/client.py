"""
The HTTP client of every sink: one host, each answer bounded in bytes and time, whatever the server does.

`post` is for destinations where the status says everything: as soon as it has arrived it decides, and a long or slow
body is abandoned together with its connection. `exchange` is for destinations that answer with a body: it returns the
status and a short body, and fails if the body is longer or late.

Redirects are not followed, so that an answer cannot send events elsewhere; cookies are not kept; bodies are not
decompressed. Errors have our own words, because aiohttp's contain the URL.
"""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from yarl import URL

from sinks.errors import DisabledError, Reason, SinkError, TransientError
from sinks.http.access import Access, access
from sinks.http.answers import error_for_status
from sinks.http.bounded import BoundedConnector, OversizedAnswerError
from sinks.http.config import HttpConfig
from sinks.tls import reason_of

_ANSWER_BODY_S: Final = 1.0
_HEADER_BYTES: Final = 8192
_REFUSED: Final = frozenset({401, 403, 407})


class AnswerTooLongError(TransientError):
    """
    Raised when an answer has more bytes than are read. A request for less may be answered.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What a server answered.

    Attributes:
        status: the HTTP status, 200 or more.
        retry_after: the header `Retry-After`, if any.
        body: the whole body.
    """

    status: int
    retry_after: str | None
    body: bytes


class HttpClient:
    """
    Keeps connections to one host.

    Args:
        config: where and how to post.
        connections: the most connections, and so the most concurrent requests.
        answer_bytes: the most bytes of a body that is read.
    """

    def __init__(self, config: HttpConfig, connections: int = 1, answer_bytes: int = 65_536) -> None:
        self._config = config
        self._connections = connections
        self._answer_bytes = answer_bytes
        self._access: Access | None = None
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """
        Read the files that the configuration names, again with each call; nothing is sent.

        Raises:
            DisabledError: the configuration cannot be used.
        """
        await self.aclose()
        self._access = await asyncio.to_thread(access, self._config)
        self._session = aiohttp.ClientSession(
            connector=BoundedConnector(limit=self._connections, tls=self._access.tls, answer_bytes=self._answer_bytes),
            timeout=aiohttp.ClientTimeout(),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_line_size=_HEADER_BYTES,
            max_field_size=_HEADER_BYTES,
        )

    @property
    def host(self) -> str:
        """
        The host of the URL, for errors; empty before `open`.
        """
        return self._access.host if self._access is not None else ""

    async def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """
        Post a body; return when it was accepted, which means 2xx.

        Args:
            body: the request body; compressed here if so configured.
            headers: headers of this request, names in lower case; they replace configured ones.

        Raises:
            TransientError, PermanentError: the body was not accepted.
            DisabledError: nothing more may be sent.
        """
        async with self._request("POST", body, headers) as (answer, deadline):
            deadline.reschedule(None)  # a body that is late does not undo the status
            await self._drain(answer)
        failure = error_for_status(answer.status, answer.headers.get("retry-after"), answer.url.host or "")
        if failure is not None:
            raise failure

    async def exchange(
        self,
        method: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        path: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """
        Send a request and return the answer, whatever its status; `error_for_status` says what a status means.

        Args:
            method: such as `POST`.
            body: as in `post`; may be empty.
            headers: as in `post`.
            path: appended to the path of the configured URL, such as `_bulk`; None for the URL itself.
            query: added to the query of the configured URL.

        Raises:
            TransientError: there was no answer, it came too late, or it is too long.
            DisabledError: nothing more may be sent.
        """
        async with self._request(method, body, headers, path, query) as (answer, _):
            content = await _read(answer, self._answer_bytes + 1)
            if len(content) > self._answer_bytes:
                raise OversizedAnswerError("the answer is too long")
        return Answer(status=answer.status, retry_after=answer.headers.get("retry-after"), body=content)

    async def aclose(self) -> None:
        """
        Close the connections. May be called before `open`, and twice.
        """
        if self._session is not None:
            session, self._session, self._access = self._session, None, None
            await session.close()

    @contextlib.asynccontextmanager
    async def _request(
        self,
        method: str,
        body: bytes,
        headers: Mapping[str, str],
        path: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, asyncio.Timeout]]:
        """
        Send a request; yield the answer when its head has arrived, and the deadline. Release the connection afterwards.
        """
        if self._session is None or self._access is None:
            raise TransientError(Reason.UNREACHABLE, "the sink is not open")
        to = self._access
        sending = self._sending(to, body, headers)
        try:
            async with (
                asyncio.timeout(self._config.timeout_s) as deadline,
                self._session.request(method, _below(to.url, path, query or {}), **sending) as answer,
            ):
                yield answer, deadline
        except (aiohttp.InvalidURL, UnicodeError):
            # A host name that cannot be encoded for a resolver raises UnicodeError.
            raise DisabledError(Reason.UNUSABLE, "the URL is not valid") from None
        except TimeoutError:
            detail = f"{to.host}: no response within {self._config.timeout_s:g} s"
            raise TransientError(Reason.TIMEOUT, detail) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _failure(error, to) from None

    def _sending(self, to: Access, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """
        Return the arguments of a request, compressed if so configured.
        """
        headers = {**to.headers, **headers}
        if self._config.gzip and body:
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body, mtime=0)
        return {"data": body, "headers": headers, "proxy": to.proxy, "allow_redirects": False}

    async def _drain(self, answer: aiohttp.ClientResponse) -> None:
        """
        Read a short body to its end, so that the connection can be reused; aiohttp closes the connection of any other.
        """
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(_ANSWER_BODY_S):
                await _read(answer, self._answer_bytes)


async def _read(answer: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """
    Read a body to its end, or until the limit is reached.
    """
    content = bytearray()
    while len(content) < limit_bytes and (chunk := await answer.content.read(limit_bytes - len(content))):
        content += chunk
    return bytes(content)


def _below(url: URL, path: str | None, query: Mapping[str, str]) -> URL:
    return (url if path is None else url.joinpath(path).with_query(url.query)).update_query(query)


def _failure(error: aiohttp.ClientError | OSError, to: Access) -> SinkError:
    match error:
        case aiohttp.ClientHttpProxyError():
            # The proxy rejects the connection, not the event, so the event stays pending.
            words = f"the proxy {_proxy(to)} answered {error.status}"
            if error.status in _REFUSED:
                return DisabledError(Reason.UNAUTHORIZED, words)
            return TransientError(Reason.UNREACHABLE, words)
        case aiohttp.ClientProxyConnectionError():
            return TransientError(Reason.UNREACHABLE, f"the proxy {_proxy(to)}: {reason_of(_cause(error))}")
        case OversizedAnswerError():
            return AnswerTooLongError(Reason.SERVER_ERROR, f"{to.host}: {error.what}")
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return TransientError(Reason.SERVER_ERROR, f"{to.host}: the response is not valid HTTP")
        case _:
            return TransientError(Reason.UNREACHABLE, f"{to.host}: {reason_of(_cause(error))}")


def _proxy(to: Access) -> str:
    return (to.proxy.host if to.proxy is not None else None) or ""


def _cause(error: Exception) -> BaseException:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return error.certificate_error
        case aiohttp.ClientConnectorError():
            return error.os_error
        case _:
            return error.__cause__ or error
