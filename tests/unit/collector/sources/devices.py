"""
Inputs for tests of the sources: a device that returns one kernel record per read, and a Docker Engine in memory.
"""

import fcntl
import os
import queue
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from collector.sources.base import SourceError
from collector.sources.docker.client import Listing
from parsers.engine import ContainerEngine, EngineName

END = None


class Kmsg:
    """
    A FIFO in packet mode: like /dev/kmsg it returns one record per read, and EAGAIN when there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        # A second reader, so that what is written while the source is stopped is kept.
        self._keep = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._write = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        fcntl.fcntl(self._write, fcntl.F_SETFL, os.O_DIRECT | os.O_NONBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._write)
        os.close(self._keep)

    def write(self, record: bytes) -> None:
        os.write(self._write, record)


def record(seq: int, text: str, *, priority: int = 3, seconds: float | None = None) -> bytes:
    """
    Return one record as /dev/kmsg returns it.
    """
    return f"{priority},{seq},{round((seconds or seq) * 1_000_000)},-;{text}\n".encode()


def kill(seq: int, pid: int) -> bytes:
    """
    Return the record of an OOM kill.
    """
    text = f"Memory cgroup out of memory: Killed process {pid} (hog) total-vm:1kB, anon-rss:1kB, file-rss:0kB"
    return record(seq, f"{text}, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0")


class Engine:
    """
    A Docker Engine in memory: containers, logs, past events and a live event stream.
    """

    def __init__(self) -> None:
        self.containers: dict[str, dict[str, Any]] = {}
        self.past: list[dict[str, Any]] = []
        self.live: queue.Queue[dict[str, Any] | SourceError | None] = queue.Queue()
        self.logs: dict[str, bytes] = {}
        self.failure: SourceError | None = None
        self.pods: list[dict[str, str]] = []
        self.identity = ContainerEngine(name=EngineName.DOCKER, version="99.0")
        self.answers_pings = True
        self.open_streams = 0
        self.open_clients = 0
        self.asked_since: list[int] = []

    def connect(self, url: str) -> "Client":
        if self.failure is not None:
            raise self.failure
        self.open_clients += 1
        return Client(self)

    def run(self, container_id: str, started: str = "2026-11-22T03:00:00Z", **state: Any) -> None:  # noqa: ANN401
        self.containers[container_id] = {
            "Id": container_id,
            "Name": f"/box-{container_id[0]}",
            "State": {"Running": True, "Pid": 4000, "StartedAt": started} | state,
            "Config": {"Image": "shop/api:1", "Labels": {}},
            "HostConfig": {},
        }

    def emit(self, action: str, container_id: str, time_ns: int, **attributes: str) -> None:
        """
        Send an event to the listeners, and keep it for those that ask later.
        """
        message = {
            "Type": "container",
            "Action": action,
            "Actor": {"ID": container_id, "Attributes": attributes},
            "timeNano": time_ns,
        }
        self.past.append(message)
        self.live.put(message)


class Client:
    """
    A connection to the engine in memory.
    """

    api_version = "1.41"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def engine(self) -> ContainerEngine:
        return self._engine.identity

    def ping(self) -> bool:
        if not self._engine.answers_pings:
            raise SourceError("no answer")
        return True

    def pods(self) -> list[dict[str, str]]:
        return self._engine.pods

    def events(self, since_ns: int, *, with_pods: bool = False) -> "Stream":
        self._engine.asked_since.append(since_ns)
        self._engine.open_streams += 1
        self._engine.live = queue.Queue()
        return Stream(self._engine, [event for event in self._engine.past if event["timeNano"] >= since_ns])

    def past_events(self, since_ns: int, until_ns: int) -> list[bytes]:
        return [orjson.dumps(event) for event in self._engine.past if since_ns <= event["timeNano"] < until_ns]

    def container_ids(self, *, running_only: bool) -> Listing:
        found = self._engine.containers.items()
        ids = [name for name, answer in found if answer["State"]["Running"] or not running_only]
        return Listing(ids=tuple(ids), garbage=0)

    def inspect(self, container_id: str) -> Mapping[str, Any] | None:
        return self._engine.containers.get(container_id)

    def log_tail(self, container_id: str, lines: int, since_ns: int | None, until_ns: int | None) -> Iterator[bytes]:
        if container_id in self._engine.logs:
            yield self._engine.logs[container_id]

    def close(self) -> None:
        self._engine.open_clients -= 1


class Stream:
    """
    An event stream: first past events, then live ones, until it is closed.
    """

    def __init__(self, engine: Engine, past: list[dict[str, Any]]) -> None:
        self._engine = engine
        self._past = past
        self._live = engine.live

    def __iter__(self) -> Iterator[bytes]:
        yield from map(orjson.dumps, self._past)
        while (event := self._live.get()) is not END:
            if isinstance(event, SourceError):
                raise event
            yield orjson.dumps(event)

    def has_unread(self) -> bool:
        return not self._live.empty()

    def close(self) -> None:
        self._engine.open_streams -= 1
        self._live.put(END)
