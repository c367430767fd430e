"""
Posts to one URL. No redirect is followed, so that an answer cannot send events elsewhere; cookies are not kept.

The status decides as soon as it is there. The body is only read so that the connection can be used again, and given
up, with the connection, when it is long or slow. Errors are made of words of our own: those of aiohttp hold the URL.
"""

import asyncio
import contextlib
import gzip
from collections.abc import Mapping
from typing import Final

import aiohttp

from sinks.errors import DisabledError, Reason, SinkError, TransientError
from sinks.http.access import Access, access
from sinks.http.answers import verdict
from sinks.http.config import HttpConfig
from sinks.tls import plain_words

_ANSWER_BYTES: Final = 65_536
_ANSWER_BODY_S: Final = 1.0
_HEADER_BYTES: Final = 8192
_REFUSED: Final = frozenset({401, 403, 407})


class HttpClient:
    """
    Keeps connections to one host.

    Args:
        config: where and how.
        connections: how many there may be; as many `post` may run at once.
    """

    def __init__(self, config: HttpConfig, connections: int = 1) -> None:
        self._config = config
        self._connections = connections
        self._access: Access | None = None
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """
        Read what the configuration names; nothing is sent. Read again when called again.

        Raises:
            DisabledError: it cannot be used.
        """
        await self.aclose()
        self._access = await asyncio.to_thread(access, self._config)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=self._access.tls),
            timeout=aiohttp.ClientTimeout(total=self._config.timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_line_size=_HEADER_BYTES,
            max_field_size=_HEADER_BYTES,
        )

    async def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """
        Send a body; returns when it was taken, which means 2xx.

        Args:
            body: what is sent, compressed if so configured.
            headers: of this request; they win over the configured ones. Names in lower case.

        Raises:
            TransientError, PermanentError: it was not taken.
            DisabledError: nothing more may be sent.
        """
        if self._session is None or self._access is None:
            raise TransientError(Reason.UNREACHABLE, "the sink is not open")
        to = self._access
        try:
            status, retry_after = await self._exchange(self._session, to, body, headers)
        except (aiohttp.InvalidURL, UnicodeError):
            # UnicodeError: of a host's name that no resolver can be asked for.
            raise DisabledError(Reason.UNUSABLE, "the URL is not valid") from None
        except TimeoutError:
            raise TransientError(Reason.TIMEOUT, f"{to.host}: no answer in {self._config.timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _failure(error, to) from None
        failure = verdict(status, retry_after, to.host)
        if failure is not None:
            raise failure

    async def aclose(self) -> None:
        """
        Close the connections. Safe before `open` and twice.
        """
        if self._session is not None:
            session, self._session, self._access = self._session, None, None
            await session.close()

    async def _exchange(
        self, session: aiohttp.ClientSession, to: Access, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, str | None]:
        headers = {**to.headers, **headers}
        if self._config.gzip:
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body, mtime=0)
        async with session.post(to.url, data=body, headers=headers, proxy=to.proxy, allow_redirects=False) as answer:
            await _pass_over(answer)
            return answer.status, answer.headers.get("retry-after")


async def _pass_over(answer: aiohttp.ClientResponse) -> None:
    """
    Read a short body to its end. Of any other the rest is left, and aiohttp closes the connection.
    """
    with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(_ANSWER_BODY_S):
            left = _ANSWER_BYTES
            while left > 0 and (chunk := await answer.content.read(left)):
                left -= len(chunk)


def _failure(error: aiohttp.ClientError | OSError, to: Access) -> SinkError:
    match error:
        case aiohttp.ClientHttpProxyError():
            # Whatever the proxy says is not about the event.
            words = f"the proxy {_proxy(to)} answered {error.status}"
            if error.status in _REFUSED:
                return DisabledError(Reason.UNAUTHORIZED, words)
            return TransientError(Reason.UNREACHABLE, words)
        case aiohttp.ClientProxyConnectionError():
            return TransientError(Reason.UNREACHABLE, f"the proxy {_proxy(to)}: {plain_words(_cause(error))}")
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return TransientError(Reason.SERVER_ERROR, f"{to.host}: its answer is not valid HTTP")
        case _:
            return TransientError(Reason.UNREACHABLE, f"{to.host}: {plain_words(_cause(error))}")


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
