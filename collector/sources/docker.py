"""
Docker's event stream, and what inspect says at its edges.

The engine remembers 256 events of all kinds, skips a listener that does not read for 100 ms, and forgets everything
when it restarts. So a thread does nothing but read, and after every gap all containers are listed and inspected: the
correlator finds the deaths that no event told. A container is inspected when it starts, because its pid and limits
are gone when it has died, and again when it has died, for its exit code.

Needs read access to the engine's socket, which is as good as root on the host; a read-only proxy does as well.
"""

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal

import msgspec

from collector.correlate.facts import ContainerGoneFact, EngineFact, Fact, GapFact, SnapshotFact
from collector.hostclock import HostIdentity
from collector.sources.base import Position, Reading, SourceError
from collector.sources.docker_client import DockerClient, EventStream
from collector.sources.docker_runs import KnownRuns, UnstartedContainers
from parsers.docker_event import DockerAction, DockerEvent, parse_event
from parsers.docker_inspect import parse_inspect
from parsers.errors import ParseError

_OVERLAP_NS: Final = 1_000_000_000
_SEEN_KEPT: Final = 4096
_QUEUED_AT_MOST: Final = 50_000
_LOOK_EVERY_S: Final = 1.0
_INSPECTED_AFTER: Final = frozenset(
    {DockerAction.CREATE, DockerAction.START, DockerAction.DIE, DockerAction.UPDATE, DockerAction.RENAME}
)


class DockerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `[sources.docker]`: `url` as DOCKER_HOST.
    """

    enabled: Literal["auto"] | bool = "auto"
    url: str = "unix:///var/run/docker.sock"


class DockerSource:
    """
    Reads one Docker Engine.

    Args:
        config: which engine.
        boot_id: this boot of the host, for runs that did not survive it.
        connect: makes the client; tests pass their own.
        wall_ns: the wall clock.
    """

    name = "docker"

    def __init__(
        self,
        config: DockerConfig,
        boot_id: str | None,
        connect: Callable[[str], DockerClient] = DockerClient,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._config = config
        self._boot_id = boot_id
        self._connect = connect
        self._wall_ns = wall_ns
        self._runs = KnownRuns()
        self._unstarted = UnstartedContainers()
        self._seen: OrderedDict[tuple[str, str, int], None] = OrderedDict()
        self._last_event_ns: int | None = None
        self._answers = False
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncIterator[Reading]:
        """
        Read from a position on; without one, from now, with what runs already.

        Raises:
            SourceError: the engine does not answer (any more).
        """
        remembered = self._take_up(position)
        if remembered:
            yield self._reading(remembered)
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="docker-inspect")
        loop = asyncio.get_running_loop()
        stream: EventStream | None = None
        client: DockerClient | None = None
        try:
            client = await loop.run_in_executor(worker, self._connect, self._config.url)
            version = await loop.run_in_executor(worker, client.version)
            since_ns = self._last_event_ns if self._last_event_ns is not None else self._wall_ns() - _OVERLAP_NS
            stream = await loop.run_in_executor(worker, client.events, since_ns)
            pump = _Pump(stream, loop)
            yield self._reading(self._engine(up=True, text=f"Docker Engine {version} answers"))
            yield self._reading(await loop.run_in_executor(worker, self._compare, client))
            async for reading in self._follow(pump, client, worker):
                yield reading
        except SourceError as error:
            down = self._engine(up=False, text=str(error))
            if down:
                yield self._reading(down)
            raise
        finally:
            if stream is not None:
                stream.close()
            if client is not None:
                client.close()
            worker.shutdown(wait=False, cancel_futures=True)

    async def _follow(
        self, pump: "_Pump", client: DockerClient, worker: ThreadPoolExecutor
    ) -> AsyncIterator[Reading]:
        loop = asyncio.get_running_loop()
        while True:
            messages, ended = await pump.take(_LOOK_EVERY_S)
            events = [event for event in map(self._event, messages) if event is not None]
            if events:
                yield self._reading(list[Fact](events))
            for container_id in self._worth_inspecting(events):
                yield self._reading(await loop.run_in_executor(worker, self._inspect, client, container_id))
            if pump.dropped:
                yield self._reading([self._overflow(pump.reset_dropped())])
                yield self._reading(await loop.run_in_executor(worker, self._compare, client))
            if ended is not None:
                raise ended

    def _take_up(self, position: Position | None) -> list[Fact]:
        """
        Go on from a stored position: the runs that went on then, and the last event.
        """
        if position is None:
            return []
        since_ns = position.get("since_ns")
        self._last_event_ns = since_ns if isinstance(since_ns, int) else None
        first_time = not len(self._runs)
        facts = self._runs.restore(position)
        return [*facts] if first_time else []

    def _reading(self, facts: list[Fact]) -> Reading:
        position = {"since_ns": self._last_event_ns, "boot_id": self._boot_id, "runs": self._runs.stored()}
        return Reading(facts=tuple(facts), position=position)

    def _event(self, message: Mapping[str, Any]) -> DockerEvent | None:
        self.records += 1
        try:
            event = parse_event(message)
        except ParseError:
            self.garbage += 1
            return None
        if event is None:
            return None
        key = (event.container_id, event.action.value, event.time_ns)
        if key in self._seen:
            return None
        self._seen[key] = None
        if len(self._seen) > _SEEN_KEPT:
            self._seen.popitem(last=False)
        self._last_event_ns = max(self._last_event_ns or 0, event.time_ns)
        self._unstarted.note(event, time.monotonic())
        if event.action in (DockerAction.DIE, DockerAction.DESTROY):
            self._runs.ended(event.container_id)
        return event

    def _worth_inspecting(self, events: list[DockerEvent]) -> list[str]:
        after_events = [event.container_id for event in events if event.action in _INSPECTED_AFTER]
        return list(dict.fromkeys([*after_events, *self._unstarted.due(time.monotonic())]))

    def _inspect(self, client: DockerClient, container_id: str) -> list[Fact]:
        """
        Inspect one container; an engine that takes no new requests is going down, though its stream still flows.
        """
        try:
            answer = client.inspect(container_id)
        except SourceError as error:
            return self._engine(up=False, text=str(error))
        facts = self._engine(up=True, text="the Docker Engine answers again")
        if answer is None:
            self._unstarted.forget(container_id)
            return [*facts, ContainerGoneFact(container_id=container_id, seen_at_ns=self._wall_ns())]
        return [*facts, *self._snapshot(answer)]

    def _snapshot(self, answer: Mapping[str, Any]) -> list[Fact]:
        try:
            snapshot = parse_inspect(answer)
        except ParseError:
            self.garbage += 1
            return []
        self._runs.saw(snapshot, self._boot_id)
        self._unstarted.saw(snapshot)
        return [SnapshotFact(snapshot=snapshot, seen_at_ns=self._wall_ns(), boot_id=self._boot_id)]

    def _compare(self, client: DockerClient) -> list[Fact]:
        """
        Inspect everything that runs, and everything that ran when we last looked.
        """
        running = client.container_ids(running_only=True)
        facts: list[Fact] = []
        for container_id in dict.fromkeys([*running, *self._runs.ids()]):
            answer = client.inspect(container_id)
            if answer is not None:
                facts += self._snapshot(answer)
            elif container_id in self._runs.ids():
                self._runs.ended(container_id)
                facts.append(ContainerGoneFact(container_id=container_id, seen_at_ns=self._wall_ns()))
        return facts

    def _engine(self, *, up: bool, text: str) -> list[Fact]:
        """
        The fact that the engine went or came, once for each change.
        """
        if up == self._answers:
            return []
        self._answers = up
        return [EngineFact(up=up, at_ns=self._wall_ns(), text=text)]

    def _overflow(self, count: int) -> GapFact:
        text = f"{count} Docker events came faster than they could be taken; all containers were compared instead."
        return GapFact(source=self.name, what="records_lost", at_ns=self._wall_ns(), text=text, count=count)


class _Pump:
    """
    A thread that only reads: Docker drops what a listener does not take within 100 ms.

    The queue is bounded; what does not fit is dropped and counted, and the caller compares all containers instead.
    """

    def __init__(self, stream: EventStream, loop: asyncio.AbstractEventLoop) -> None:
        self._stream = stream
        self._loop = loop
        self._messages: deque[Mapping[str, Any]] = deque()
        self._ended: SourceError | None = None
        self._news = asyncio.Event()
        self.dropped = 0
        threading.Thread(target=self._run, name="docker-events", daemon=True).start()

    async def take(self, timeout_s: float) -> tuple[list[Mapping[str, Any]], SourceError | None]:
        """
        What has come; waits for it at most `timeout_s`. The second part is set once the stream is at its end.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return [], None
        self._news.clear()
        messages = [self._messages.popleft() for _ in range(len(self._messages))]
        return messages, self._ended if not self._messages else None

    def reset_dropped(self) -> int:
        """
        How many were dropped since the last call.
        """
        count, self.dropped = self.dropped, 0
        return count

    def _run(self) -> None:
        try:
            for message in self._stream:
                if len(self._messages) >= _QUEUED_AT_MOST:
                    self.dropped += 1
                else:
                    self._messages.append(message)
                self._tell()
            self._ended = SourceError("the Docker Engine closed the event stream")
        except SourceError as error:
            self._ended = error
        self._tell()

    def _tell(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)


def offered(config: DockerConfig) -> bool:
    """
    Always: an engine may be installed while the agent runs, and asking for it costs nothing.
    """
    return bool(config.url)


def create(config: DockerConfig, host: HostIdentity) -> DockerSource:
    """
    The source for this host.
    """
    return DockerSource(config, host.boot_id)
