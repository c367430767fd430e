"""
The little of the Docker Engine API that the agent reads: events, a list of ids, inspect, logs. It never writes.

Blocking, on the docker SDK; each caller is a thread of its own. All of the SDK's ways to fail come out as SourceError.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from collector.sources.base import PrivilegeError, SourceError, SourceMissingError

if TYPE_CHECKING:
    from docker.api.client import APIClient

T = TypeVar("T")
_TIMEOUT_S: Final = 10
# Few and exact: with exec_* or a bare health_status in the list Docker would match by prefix (moby filter.go).
_EVENTS: Final = (
    "create",
    "start",
    "die",
    "kill",
    "oom",
    "stop",
    "restart",
    "destroy",
    "update",
    "rename",
    "exec_die",
    "health_status: healthy",
    "health_status: unhealthy",
    "died",
    "remove",
)


class DockerClient:
    """
    A connection to one engine.

    Args:
        url: as DOCKER_HOST: `unix:///var/run/docker.sock`, `tcp://…`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._api: APIClient = _guarded(url, lambda: _connect(url))

    def version(self) -> str:
        """
        The engine's version.
        """
        answer: Mapping[str, Any] = _guarded(self._url, self._api.version)
        return str(answer.get("Version"))

    def info(self) -> Mapping[str, Any]:
        """
        What the engine says of itself: the version of cgroups and who manages them, among others.
        """
        answer: Mapping[str, Any] = _guarded(self._url, self._api.info)
        return answer

    def events(self, since_ns: int) -> "EventStream":
        """
        Container events from a moment on; first those that the engine still remembers.
        """
        seconds, rest = divmod(since_ns, 1_000_000_000)
        filters = {"type": ["container"], "event": list(_EVENTS)}
        since: Any = f"{seconds}.{rest:09d}"  # the engine takes fractions of a second, the SDK's types do not
        stream = _guarded(self._url, lambda: self._api.events(since=since, filters=filters, decode=True))
        return EventStream(self._url, stream)

    def past_events(self, since_ns: int, until_ns: int) -> list[Mapping[str, Any]]:
        """
        The container events between two moments that the engine still remembers.
        """
        filters = {"type": ["container"], "event": list(_EVENTS)}
        since, until = (time_ns // 1_000_000_000 for time_ns in (since_ns, until_ns))
        return _guarded(
            self._url,
            lambda: list(self._api.events(since=since, until=until, filters=filters, decode=True)),
        )

    def container_ids(self, *, running_only: bool) -> list[str]:
        """
        The ids of all containers.
        """
        found = _guarded(self._url, lambda: self._api.containers(all=not running_only, trunc=False))
        return [str(item["Id"]) for item in found]

    def container_names(self) -> dict[str, str]:
        """
        The names of the containers that run, by id.
        """
        found = _guarded(self._url, lambda: self._api.containers(trunc=False))
        return {str(item["Id"]): str(item["Names"][0]).lstrip("/") for item in found if item.get("Names")}

    def inspect(self, container_id: str) -> Mapping[str, Any] | None:
        """
        What the engine knows of a container; None when it knows none of that id.
        """
        from docker.errors import NotFound  # noqa: PLC0415 (only what is configured is imported)

        answer: Mapping[str, Any]
        try:
            answer = _guarded(self._url, lambda: self._api.inspect_container(container_id), passing=NotFound)
        except NotFound:
            return None
        return answer

    def log_tail(self, container_id: str, lines: int, since_ns: int | None, until_ns: int | None) -> Iterator[bytes]:
        """
        The last output of a container in pieces of any size, standard output and error as they came.

        Args:
            container_id: the container, which may have ended.
            lines: so many.
            since_ns: none from before; None is from its beginning.
            until_ns: none from after; None is until now.

        Raises:
            LogsUnavailableError: there are none, and why.
            SourceError: the engine cannot be asked.
        """
        from docker.errors import APIError  # noqa: PLC0415 (only what is configured is imported)

        times = {"since": since_ns, "until": until_ns}
        bounds: Any = {name: time_ns / 1e9 for name, time_ns in times.items() if time_ns is not None}
        try:
            stream: Any = _guarded(
                self._url,
                lambda: self._api.logs(container_id, tail=lines, stream=True, follow=False, **bounds),
                passing=APIError,
            )
        except APIError as error:
            raise LogsUnavailableError(str(error.explanation or error)) from error
        try:
            while (piece := _guarded(self._url, lambda: next(stream, None))) is not None:
                yield bytes(piece)
        finally:
            with contextlib.suppress(AttributeError, OSError, ValueError):
                stream.close()

    def close(self) -> None:
        """
        Let go of the connections.
        """
        self._api.close()


class LogsUnavailableError(Exception):
    """
    Raised when the engine has no logs of a container, in its own words.
    """


class EventStream:
    """
    A stream of events that another thread can end.
    """

    def __init__(self, url: str, stream: Any) -> None:  # noqa: ANN401 (the SDK's CancellableStream has no type)
        self._url = url
        self._stream = stream

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """
        The events as they come; ends when the engine or `close` ends the stream.
        """
        iterator = iter(self._stream)
        while True:
            event = _guarded(self._url, lambda: next(iterator, None))
            if event is None:
                return
            yield event

    def close(self) -> None:
        """
        End the stream; the SDK reaches into urllib3 for that and fails where the socket is gone already.
        """
        try:
            self._stream.close()
        except (AttributeError, OSError, ValueError):
            return


def _connect(url: str) -> "APIClient":
    from docker.api.client import APIClient  # noqa: PLC0415 (only what is configured is imported)

    return APIClient(base_url=url, version="auto", timeout=_TIMEOUT_S)


def _guarded(url: str, call: Callable[[], T], *, passing: type[Exception] | tuple[()] = ()) -> T:
    """
    Run a call; whatever the SDK, requests, urllib3 or the socket raise becomes a SourceError, but for `passing`.
    """
    from docker.errors import DockerException  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    try:
        return call()
    except passing:
        raise
    except (DockerException, RequestException, HTTPError, OSError, ValueError) as error:
        raise _translated(url, error) from error


def _translated(url: str, error: BaseException) -> SourceError:
    causes = list(_causes(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        remedy = "add the agent's user to the group of the socket (SupplementaryGroups=docker)"
        return PrivilegeError(f"{url} may not be opened", remedy)
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        return SourceMissingError(f"no Docker Engine answers at {url}")
    return SourceError(f"the Docker Engine at {url}: {type(error).__name__}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """
    An error and what is behind it: the SDK wraps requests, which wraps urllib3, which wraps the socket's error.
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
