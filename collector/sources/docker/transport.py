"""
Requests to a Docker Engine, each bounded in bytes and time, whatever answers (bounded.py).

All calls block. Every error of the libraries is raised as SourceError.
"""

import http.client
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlencode

from collector.sources.base import PrivilegeError, SourceError, SourceMissingError
from collector.sources.docker.bounded import HEAD_BYTES, Budget, EngineAnswer, TooLongError, UnusableAnswerError
from collector.sources.docker.unix_socket import SCHEME, UnixAnswer, UnixPool

if TYPE_CHECKING:
    from collector.sources.docker.sdk import SdkAnswer, SdkSession

T = TypeVar("T")
_BODY_S: Final = 20.0
_PIECE_BYTES: Final = 65_536


class EngineStream:
    """
    The body of an answer, in pieces, while it arrives. Another thread may close it.

    Args:
        url: the engine, for errors.
        answer: of which only the head was read.
        budget: for the whole body; None for a stream without an end, of which each piece is bounded.
    """

    def __init__(self, url: str, answer: "UnixAnswer | SdkAnswer", budget: Budget | None) -> None:
        self._url = url
        self._answer = answer
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

    def header(self, name: str) -> str | None:
        """
        Return a header of the answer; None if it has none of that name.
        """
        return self._answer.header(name)

    def has_unread(self) -> bool:
        """
        Return whether something has arrived that was not yielded, or was yielded and is still being processed.
        """
        return self._answer.reader.has_unread()

    def close(self) -> None:
        """
        End the stream.
        """
        self._answer.reader.end()

    def release(self) -> None:
        """
        Close the connection if the body was not read to its end. Only for the thread that reads the stream.
        """
        self._answer.release()

    def _piece(self) -> bytes:
        # Trailers and the sizes of chunks are read within one call.
        self._answer.reader.budget = self._budget or Budget(HEAD_BYTES, math.inf)
        return self._answer.read(_PIECE_BYTES)


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
        self._connections: UnixPool | SdkSession = guarded(url, lambda: _connections(url))
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
        answer = guarded(self.url, lambda: self._ask(f"{path}?{urlencode(query)}" if query else path))
        budget = Budget(limit_bytes, time.monotonic() + _BODY_S) if limit_bytes is not None else None
        stream = EngineStream(self.url, answer, budget)
        if answer.encoding.lower() != "identity":
            stream.release()
            raise UnusableAnswerError(f"the Docker Engine at {self.url} compresses its answer")
        return answer.status, stream

    def close(self) -> None:
        """
        Close the connections.
        """
        self._connections.close()

    def _ask(self, target: str) -> "UnixAnswer | SdkAnswer":
        try:
            answer = self._connections.ask(target)
        except (OSError, http.client.HTTPException) as error:
            closed = any(isinstance(cause, ConnectionResetError | BrokenPipeError) for cause in _causes(error))
            if not (closed and self._has_answered):
                raise
            # The engine, or a proxy before it, may have closed a connection that was kept open.
            answer = self._connections.ask(target)
        self._has_answered = True
        return answer


def _connections(url: str) -> "UnixPool | SdkSession":
    if url.startswith(SCHEME):
        return UnixPool(url)
    from collector.sources.docker.sdk import SdkSession  # noqa: PLC0415 (11 MB that most hosts do not need)

    return SdkSession(url)


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
