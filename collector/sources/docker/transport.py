"""
Requests to a Docker Engine, each bounded in bytes and time, whatever answers (bounded.py).

The Docker SDK makes the connections: unix, TCP, TLS, SSH. It would read answers without a limit, so they are read here.
Over a socket of this host the SDK's pool is asked itself: requests would take as much CPU again for each question.
All calls block. Every error of the libraries is raised as SourceError.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from docker.api.client import APIClient
from docker.transport import UnixHTTPAdapter
from requests.adapters import BaseAdapter
from urllib3.exceptions import HTTPError

from collector.sources.base import PrivilegeError, SourceError, SourceMissingError
from collector.sources.docker.bounded import (
    HEAD_BYTES,
    HEAD_S,
    BoundedReader,
    BoundedResponse,
    Budget,
    EngineAnswer,
    TooLongError,
    UnusableAnswerError,
)

T = TypeVar("T")
_BODY_S: Final = 20.0
_PIECE_BYTES: Final = 65_536
# The SDK asks the engine for its version unless one is given; the paths of requests name their own.
_ANY_VERSION: Final = "1.24"
_ONE_POOL: Final = "http+docker://localhost"


class _Session(APIClient):
    """
    The SDK's connections; each has answers with a budget.
    """

    def mount(self, prefix: str | bytes, adapter: BaseAdapter) -> None:
        find: Callable[..., Any] = adapter.get_connection_with_tls_context  # type: ignore[attr-defined]
        if isinstance(adapter, UnixHTTPAdapter):
            # The SDK would keep connections open per path, and open one for each container that is asked for.
            find = lambda *_args, **_kwargs: adapter.get_connection(_ONE_POOL)  # noqa: E731
            self.trust_env = False  # proxies and passwords for HTTP servers concern no socket
        adapter.get_connection_with_tls_context = lambda *args, **kwargs: _bounded(find(*args, **kwargs))  # type: ignore[attr-defined]
        super().mount(prefix, adapter)

    def pool(self) -> Any | None:  # noqa: ANN401 (the SDK's pool)
        """
        Return the connections to a socket of this host; None for an engine elsewhere.
        """
        adapter = self.get_adapter(self.base_url)
        return _bounded(adapter.get_connection(_ONE_POOL)) if isinstance(adapter, UnixHTTPAdapter) else None


def _bounded(pool: Any) -> Any:  # noqa: ANN401 (urllib3's pools and the SDK's)
    if "_new_conn" not in vars(pool):
        connect = pool._new_conn  # noqa: SLF001 (the one place where all pools make connections)

        def bounded_connection() -> Any:  # noqa: ANN401
            connection = connect()
            connection.response_class = BoundedResponse
            return connection

        pool._new_conn = bounded_connection  # noqa: SLF001
    return pool


class EngineStream:
    """
    The body of an answer, in pieces, while it arrives. Another thread may close it.

    Args:
        url: the engine, for errors.
        response: the answer of urllib3, of which only the head was read.
        budget: for the whole body; None for a stream without an end, of which each piece is bounded.
    """

    def __init__(self, url: str, response: Any, budget: Budget | None) -> None:  # noqa: ANN401 (urllib3.HTTPResponse)
        self._url = url
        self._response = response
        self._reader: BoundedReader = response._original_response.reader  # noqa: SLF001 (as the SDK does)
        self._budget = budget

    def __iter__(self) -> Iterator[bytes]:
        """
        Yield pieces of at most 64 KiB.
        """
        try:
            while piece := guarded(self._url, self._piece):
                yield piece
        finally:
            self.release()

    def has_unread(self) -> bool:
        """
        Return whether something has arrived that was not yielded, or was yielded and is still being processed.
        """
        return self._reader.has_unread()

    def close(self) -> None:
        """
        End the stream.
        """
        self._reader.end()

    def release(self) -> None:
        """
        Close the connection if the body was not read to its end. Only for the thread that reads the stream.
        """
        self._response.close()  # does nothing to a connection that has gone back to its pool
        self._response.release_conn()

    def _piece(self) -> bytes:
        # Trailers and the sizes of chunks are read within one call.
        self._reader.budget = self._budget or Budget(HEAD_BYTES, math.inf)
        piece: bytes = self._response.read1(_PIECE_BYTES, decode_content=False)
        return piece


class Engine:
    """
    A Docker Engine, asked with GET.

    Args:
        url: as in DOCKER_HOST.

    Raises:
        SourceError: the URL cannot be used.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = guarded(url, lambda: _Session(base_url=url, version=_ANY_VERSION))
        self._session.headers["Accept-Encoding"] = "identity"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._pool = guarded(url, self._session.pool)
        self._headers = dict(self._session.headers)
        self._has_answered = False

    def get(self, path: str, query: Mapping[str, str] | None = None, *, limit_bytes: int) -> EngineAnswer:
        """
        Return an answer of any status.

        Raises:
            UnusableAnswerError: the answer is longer than `limit_bytes`, or compressed.
            SourceMissingError: no engine answers at the URL.
            PrivilegeError: the agent's user may not open the socket.
            SourceError: there is no answer, or it comes too late.
        """
        status, stream = self.stream(path, query, limit_bytes=limit_bytes)
        try:
            return EngineAnswer(status=status, body=b"".join(stream))
        finally:
            stream.release()

    def stream(
        self, path: str, query: Mapping[str, str] | None = None, *, limit_bytes: int | None
    ) -> tuple[int, EngineStream]:
        """
        Return the status and the body that follows; without a limit the body may take for ever.

        Raises:
            UnusableAnswerError, SourceError: as in `get`; also while the body is read.
        """
        response = guarded(self.url, lambda: self._request(path, query))
        budget = Budget(limit_bytes, time.monotonic() + _BODY_S) if limit_bytes is not None else None
        stream = EngineStream(self.url, response, budget)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            stream.release()
            raise UnusableAnswerError(f"the Docker Engine at {self.url} compresses its answer")
        return response.status, stream

    def close(self) -> None:
        """
        Close the connections.
        """
        self._session.close()

    def _request(self, path: str, query: Mapping[str, str] | None) -> Any:  # noqa: ANN401 (urllib3.HTTPResponse)
        ask = partial(self._ask, f"{path}?{urlencode(query)}" if query else path)
        try:
            answer = ask()
        except (OSError, HTTPError) as error:
            closed = any(isinstance(cause, ConnectionResetError | BrokenPipeError) for cause in _causes(error))
            if not (closed and self._has_answered):
                raise
            answer = ask()  # the engine, or a proxy before it, may have closed a connection that was kept open
        self._has_answered = True
        return answer

    def _ask(self, target: str) -> Any:  # noqa: ANN401
        if self._pool is None:
            address = f"{self._session.base_url}{target}"
            return self._session.get(address, stream=True, timeout=HEAD_S, allow_redirects=False).raw
        return self._pool.urlopen(
            "GET",
            target,
            headers=self._headers,
            timeout=HEAD_S,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )


def guarded(url: str, call: Callable[[], T]) -> T:
    """
    Run a call of a library and turn every error into a SourceError: nobody knows what they raise at odd bytes.
    """
    try:
        return call()
    except Exception as error:
        raise _translated(url, error) from error


def _translated(url: str, error: BaseException) -> SourceError:
    causes = list(_causes(error))
    if any(isinstance(cause, TooLongError) for cause in causes):
        return UnusableAnswerError(f"the Docker Engine at {url} answers with more than is read")
    if any(isinstance(cause, PermissionError) for cause in causes):
        remedy = "add the agent's user to the socket's group (SupplementaryGroups=docker)"
        return PrivilegeError(f"opening {url} is not permitted", remedy)
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        return SourceMissingError(f"no Docker Engine answers at {url}")
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return SourceError(f"the Docker Engine at {url} does not answer in time")
    return SourceError(f"the Docker Engine at {url} does not answer properly: {type(error).__name__}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """
    Yield an error and all errors inside it: the SDK wraps requests, requests urllib3, and urllib3 the socket's error.
    """
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = [item for item in current.args if isinstance(item, BaseException)]
        waiting += [current.__cause__, current.__context__, *inner]
