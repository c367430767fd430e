"""
The part of the Docker Engine API that the agent reads: events, container lists, inspect, logs. It never writes.

All calls block, so call them in a thread. Answers are bounded (transport.py), and decoded here: whatever an engine
answers is returned in the expected form, or refused with an UnusableAnswerError.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec
import orjson

from collector.sources.base import SourceError
from collector.sources.docker.bounded import EngineAnswer, UnusableAnswerError
from collector.sources.docker.event_lines import EventStream, event_lines
from collector.sources.docker.podman_ping import version_of_podman
from collector.sources.docker.queries import event_query, timestamp
from parsers.docker_log import payloads
from parsers.engine import ContainerEngine, parse_engine

_OK: Final = 200
_NOT_FOUND: Final = 404
# A proxy that forbids a path answers with one of these.
_FORBIDDEN: Final = frozenset({401, 403, 404, 405})
_SMALL_BYTES: Final = 1_048_576
_INSPECT_BYTES: Final = 4_194_304
# The description of a container in the list takes about a kilobyte.
_LIST_BYTES: Final = 8_388_608
# Podman's own API, which Docker does not have; all versions since 4.0 answer it.
_PODS_PATH: Final = "/v4.0.0/libpod/pods/json"
_LOG_BYTES: Final = 67_108_864
_MESSAGE_LENGTH: Final = 500
_API_VERSION: Final = re.compile(r"[1-9][0-9]?\.[0-9]{1,3}")
_CONTAINER_ID: Final = re.compile(r"[0-9a-f]{64}")
_LOG: Final = logging.getLogger(__name__)


class LogsUnavailableError(Exception):
    """
    Raised when the engine has no logs of a container; the message is the engine's.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """
    The containers that an engine lists.

    Attributes:
        ids: their ids, 64 hexadecimal digits each.
        garbage: entries that are no containers.
    """

    ids: tuple[str, ...]
    garbage: int


class _Listed(msgspec.Struct):
    id: str = msgspec.field(name="Id")


class _Named(msgspec.Struct):
    id: str = msgspec.field(name="Id")
    names: list[str] = msgspec.field(name="Names")


_Entry = TypeVar("_Entry", _Listed, _Named)


class DockerClient:
    """
    A connection to one engine.

    Args:
        url: as in DOCKER_HOST, for example `unix:///var/run/docker.sock` or `tcp://…`.
        may_be_podman: Podman may answer there, which states its version in the answer to a ping too.

    Attributes:
        api_version: the newest version of Docker's API that the engine speaks; None where it does not say.

    Raises:
        SourceMissingError: no engine answers at the URL.
        PrivilegeError: the agent's user may not open the socket.
        UnusableAnswerError: the engine answers something else than it was asked for.
        SourceError: connecting failed. Every method raises these errors too.
    """

    def __init__(self, url: str, *, may_be_podman: bool = False) -> None:
        from collector.sources.docker.transport import Engine  # noqa: PLC0415 (only what is configured is imported)

        self._url = url
        self._engine = Engine(url)
        self._version = (version_of_podman(self._engine) if may_be_podman else None) or self._described()
        api = str(self._version.get("ApiVersion"))
        self.api_version = api if _API_VERSION.fullmatch(api) else None
        self._prefix = f"/v{api}" if self.api_version is not None else ""
        self._ping_path = "/_ping"

    def engine(self) -> ContainerEngine:
        """
        Return which engine answers, and its version, as far as a proxy in front of it lets that be asked.
        """
        return parse_engine(self._version, {} if self._version else self._info_if_allowed())

    def ping(self) -> bool:
        """
        Return when the engine has answered: whether the answer came from the engine itself.

        A proxy in front of the engine may forbid `/_ping`; then the list of containers is asked for, one entry of it.
        """
        status = self._engine.get(self._ping_path, limit_bytes=_SMALL_BYTES).status
        if status in _FORBIDDEN and self._ping_path == "/_ping":
            self._ping_path = f"{self._prefix}/containers/json?limit=1"
            _LOG.warning("%s forbids /_ping (%d); it is asked for a container instead", self._url, status)
            status = self._engine.get(self._ping_path, limit_bytes=_SMALL_BYTES).status
        return status == _OK

    def info(self) -> Mapping[str, Any]:
        """
        Return the engine's description of itself, as `docker info`: among others the cgroup version and driver.
        """
        return self._object(f"{self._prefix}/info") or {}

    def events(self, since_ns: int, *, with_pods: bool = False) -> EventStream:
        """
        Subscribe to container events from a time on; the stream begins with those that the engine still remembers.

        Args:
            since_ns: the time.
            with_pods: also ask for events of pods, which only Podman has.
        """
        query = event_query(since_ns, *(("pod",) if with_pods else ()))
        status, stream = self._engine.stream(f"{self._prefix}/events", query, limit_bytes=None)
        if status != _OK:
            stream.release()
            raise self._refused(status)
        return EventStream(stream)

    def past_events(self, since_ns: int, until_ns: int) -> list[bytes]:
        """
        Return the container events between two times that the engine still remembers, at most 256, one line each.
        """
        query = event_query(since_ns) | {"until": timestamp(until_ns)}
        answer = self._engine.get(f"{self._prefix}/events", query, limit_bytes=_LIST_BYTES)
        if answer.status != _OK:
            raise self._refused(answer.status)
        return list(event_lines([answer.body]))

    def container_ids(self, *, running_only: bool) -> Listing:
        """
        Return the ids of the running containers, or of all.
        """
        entries = self._list(running_only=running_only)
        listed = [entry for entry in (_entry(raw, _Listed) for raw in entries) if entry is not None]
        return Listing(ids=tuple(entry.id for entry in listed), garbage=len(entries) - len(listed))

    def container_names(self) -> dict[str, str]:
        """
        Return the names of the running containers by id.
        """
        named = [_entry(raw, _Named) for raw in self._list(running_only=True)]
        return {entry.id: entry.names[0].lstrip("/") for entry in named if entry is not None and entry.names}

    def inspect(self, container_id: str) -> Mapping[str, Any] | None:
        """
        Return what `docker inspect` shows; None if the engine does not know the container.
        """
        return self._object(f"{self._prefix}/containers/{quote(container_id, safe='')}/json", _INSPECT_BYTES)

    def pods(self) -> list[Mapping[str, Any]]:
        """
        Return the pods that Podman lists, each with `Id` and `Name`; none if it does not answer.
        """
        answer = self._engine.get(_PODS_PATH, limit_bytes=_LIST_BYTES)
        try:
            found = orjson.loads(answer.body) if answer.status == _OK else []
        except orjson.JSONDecodeError:
            return []
        return [pod for pod in found if isinstance(pod, dict)] if isinstance(found, list) else []

    def exec_process(self, exec_id: str) -> tuple[str, int | None] | None:
        """
        Return the container and the pid of a process that `docker exec` started; None if the engine does not know it.
        """
        found = self._object(f"{self._prefix}/exec/{quote(exec_id, safe='')}/json") or {}
        container_id, pid = found.get("ContainerID"), found.get("Pid")
        if not isinstance(container_id, str) or not _CONTAINER_ID.fullmatch(container_id):
            return None
        return container_id, pid if isinstance(pid, int) and pid > 0 else None

    def log_tail(self, container_id: str, lines: int, since_ns: int | None, until_ns: int | None) -> Iterator[bytes]:
        """
        Yield the last output of a container in pieces of any size, standard output and error in the order of writing.

        Args:
            container_id: the container, which may have ended.
            lines: how many lines at most.
            since_ns: the earliest time; None is the container's start.
            until_ns: the latest time; None is now.

        Raises:
            LogsUnavailableError: the engine has no logs of the container; the message says why.
            SourceError: the engine does not answer.
        """
        times = {"since": since_ns, "until": until_ns}
        bounds = {name: timestamp(time_ns) for name, time_ns in times.items() if time_ns is not None}
        query = {"stdout": "1", "stderr": "1", "follow": "0", "tail": str(lines), **bounds}
        path = f"{self._prefix}/containers/{quote(container_id, safe='')}/logs"
        status, stream = self._engine.stream(path, query, limit_bytes=_LOG_BYTES)
        try:
            if status != _OK:
                raise LogsUnavailableError(_explanation(next(iter(stream), b""), status))
            yield from payloads(stream)
        finally:
            stream.release()

    def close(self) -> None:
        """
        Close the connections.
        """
        self._engine.close()

    def _described(self) -> Mapping[str, Any]:
        """
        Return the engine's version; nothing if a proxy in front of the engine forbids to ask for it.
        """
        answer = self._engine.get("/version", limit_bytes=_SMALL_BYTES)
        return {} if answer.status in _FORBIDDEN else self._decoded(answer)

    def _info_if_allowed(self) -> Mapping[str, Any]:
        answer = self._engine.get(f"{self._prefix}/info", limit_bytes=_SMALL_BYTES)
        return {} if answer.status in _FORBIDDEN else self._decoded(answer)

    def _list(self, *, running_only: bool) -> list[msgspec.Raw]:
        query = {"all": "0" if running_only else "1"}
        answer = self._engine.get(f"{self._prefix}/containers/json", query, limit_bytes=_LIST_BYTES)
        if answer.status != _OK:
            raise self._refused(answer.status)
        try:
            return msgspec.json.decode(answer.body, type=list[msgspec.Raw])
        except (msgspec.DecodeError, RecursionError) as error:
            raise UnusableAnswerError(f"the Docker Engine at {self._url} does not list containers") from error

    def _object(self, path: str, limit_bytes: int = _SMALL_BYTES) -> Mapping[str, Any] | None:
        """
        Return an answer that is one JSON object; None if the engine does not know what it is asked for.
        """
        answer = self._engine.get(path, limit_bytes=limit_bytes)
        return None if answer.status == _NOT_FOUND else self._decoded(answer)

    def _decoded(self, answer: EngineAnswer) -> Mapping[str, Any]:
        if answer.status != _OK:
            raise self._refused(answer.status)
        try:
            value = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise UnusableAnswerError(f"the Docker Engine at {self._url} does not answer with a JSON object")
        return value

    def _refused(self, status: int) -> SourceError:
        return SourceError(f"the Docker Engine at {self._url} answers {status}")


def _entry(raw: msgspec.Raw, kind: type[_Entry]) -> _Entry | None:
    """
    Decode one entry of a list; None if it is not a container.
    """
    try:
        entry = msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError):
        return None
    return entry if _CONTAINER_ID.fullmatch(entry.id) else None


def _explanation(body: bytes, status: int) -> str:
    """
    Return the engine's message in an error.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    message = found.get("message") if isinstance(found, dict) else None
    return message[:_MESSAGE_LENGTH] if isinstance(message, str) and message else f"status {status}"
