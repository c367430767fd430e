"""
Follows one Docker Engine: its event stream, with inspections and log tails of the containers concerned.

The engine remembers only 256 events of all kinds, drops events that a listener does not read within 100 ms, and forgets
everything when it restarts. So a thread does nothing but read, and after every gap all containers are listed and
inspected: that shows the deaths without an event. A container is inspected when it starts, because its pid and limits
are gone once it has died, and again when it has died, for its exit code. Its log tail is read at the same time.

Needs read access to the engine's socket, which is equivalent to root on the host; a read-only proxy is enough.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from collector.config.sources import DockerConfig
from collector.facts.engines import described
from collector.facts.observed import (
    ContainerGoneFact,
    DockerDaemonFact,
    Fact,
    LogTailFact,
    LogTailRequestedFact,
)
from collector.facts.shed import LOGS_SHED
from collector.host.clock import HostIdentity
from collector.host.threads import Threads
from collector.sources.base import Position, Reading, SourceError
from collector.sources.docker.bounded import UnusableAnswerError
from collector.sources.docker.client import DockerClient
from collector.sources.docker.event_lines import EventStream
from collector.sources.docker.event_pump import EventPump, InspectQueue
from collector.sources.docker.known_runs import FailedInspections, KnownRuns, UnstartedContainers
from collector.sources.docker.log_tails import LogTailQueue, log_tail_request
from collector.sources.docker.new_events import NewEvents
from collector.sources.docker.ping import StreamPing
from collector.sources.docker.pods import PodNames
from collector.sources.docker.snapshots import SnapshotMaker, owner_of
from collector.sources.docker.unread import UnreadAnswers
from parsers.docker_event import DockerAction, DockerEvent
from parsers.docker_inspect import parse_inspect
from parsers.engine import EngineName
from parsers.errors import ParseError

# The first subscription reaches back a second, so that nothing between two calls is missed.
_OVERLAP_NS: Final = 1_000_000_000
_COMPARED_AT_MOST: Final = 1000
_THREADS_KEPT: Final = 4
_INSPECTED_AFTER: Final = frozenset(
    {DockerAction.CREATE, DockerAction.START, DockerAction.DIE, DockerAction.UPDATE, DockerAction.RENAME}
)


class DockerSource:
    """
    Reads one Docker Engine.

    Args:
        config: which engine.
        boot_id: this boot of the host; runs of an earlier boot have ended.
        connect: creates the client; tests pass their own.
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
        self._events = NewEvents(wall_ns)
        self._failed = FailedInspections()
        self._unread = UnreadAnswers(wall_ns)
        self._ping: StreamPing | None = None
        self._is_up = False
        self._threads = Threads(_THREADS_KEPT)
        self.is_behind = False
        self._garbage = 0
        self._snapshots = SnapshotMaker(boot_id=boot_id, resumed_boot_id=boot_id)

    @property
    def records(self) -> int:
        """
        Events read.
        """
        return self._events.records

    @property
    def garbage(self) -> int:
        """
        Events and answers that could not be parsed.
        """
        return self._events.garbage + self._garbage

    @property
    def detail(self) -> str | None:
        """
        The engine that answers, for `exit137 check`; None before it does.
        """
        return described(self._snapshots.engine) if self._snapshots.engine is not None else None

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Read from a position on; without one, from now, starting with the containers that already run.

        Raises:
            SourceError: the engine does not answer, or no longer does.
        """
        restored = self._resume(position)
        if restored:
            yield self._reading(restored)
        stream: EventStream | None = None
        client: DockerClient | None = None
        try:
            client = connected = await self._threads.call(self._connect, self._config.url)
            engine = replace(await self._threads.call(client.engine), uid=owner_of(self._config.url))
            self._snapshots.engine = engine
            self._events.engine = None if engine.name is EngineName.DOCKER and not engine.is_of_user else engine
            has_pods = engine.name is EngineName.PODMAN
            self._events.pods = PodNames(await self._threads.call(client.pods)) if has_pods else None
            first_time = self._events.last_ns is None
            self._snapshots.gap_from_ns = self._events.last_ns or self._wall_ns() - _OVERLAP_NS
            self._events.last_ns = self._snapshots.gap_from_ns
            from_ns = self._snapshots.gap_from_ns
            stream = await self._threads.call(lambda: connected.events(from_ns, with_pods=has_pods))
            pump = EventPump(stream, asyncio.get_running_loop(), is_of_user=engine.is_of_user)
            yield self._reading(self._daemon(up=True, text=f"{described(engine)} answers"))
            async for reading in self._follow(pump, client, only_running=first_time):
                yield reading
        except SourceError as error:
            if down := self._daemon(up=False, text=str(error)):
                yield self._reading(down)
            raise
        finally:
            self._ping = None
            self._threads.end_idle()
            if stream is not None:
                stream.close()
            if client is not None:
                client.close()

    def request_watermark(self) -> None:
        """
        Have the time yielded until which Docker's events have been read.
        """
        if self._ping is not None:
            self._ping.request()

    async def _follow(self, pump: EventPump, client: DockerClient, *, only_running: bool) -> AsyncGenerator[Reading]:
        """
        Yield what happens from the subscription on, and once what has happened in the gap before it.
        """
        self._ping = StreamPing(client, self._threads, pump, self._wall_ns)
        inspections = InspectQueue(client, self._threads, pump.wake)
        tails = LogTailQueue(client, self._threads, pump.wake)
        compare = True
        while True:
            if compare:
                for container_id in await self._to_compare(client, only_running=only_running):
                    inspections.ask(container_id)
            must_retry = self._failed.waiting or self._unstarted.waiting
            lines, ended = await pump.take(self._ping.pause_s(must_retry=must_retry))
            events = [event for event in map(self._events.parse, lines) if event is not None]
            facts = [fact for event in events for fact in self._event_facts(event, tails)]
            if facts := [*facts, *self._ping.watermarks(events[-1].time_ns if events else None)]:
                yield self._reading(facts)
            for container_id in self._to_inspect(events):
                inspections.ask(container_id)
            answers = inspections.answers()
            rest = [fact for container_id, answer in answers for fact in self._inspection_facts(container_id, answer)]
            dropped = pump.reset_dropped()
            compare = dropped > 0
            self._unread.add(dropped, "events arrive faster than they can be read; all containers are compared instead")
            self._unread.add(inspections.reset_dropped(), "containers change faster than they can be inspected")
            if rest := [*rest, *tails.answers(), *self._unread.gaps()]:
                yield self._reading(rest)
            if ended is not None:
                raise ended
            self._ping.check()

    async def _to_compare(self, client: DockerClient, *, only_running: bool) -> list[str]:
        """
        Return the containers that run or were running before; after a gap also those that may have ended in it.
        """
        try:
            found = await self._threads.call(client.container_ids, running_only=only_running)
        except UnusableAnswerError as error:
            self._unread.add(1, str(error))
            return self._runs.ids()
        self._garbage += found.garbage
        rest = found.ids[_COMPARED_AT_MOST:]
        self._unread.add(len(rest), f"more than {_COMPARED_AT_MOST} containers were not compared")
        return list(dict.fromkeys([*self._runs.ids(), *found.ids[:_COMPARED_AT_MOST]]))

    def _resume(self, position: Position | None) -> list[Fact]:
        """
        Continue from a stored position, and return its runs as facts when the source begins for the first time.
        """
        if position is None:
            return []
        since_ns = position.get("since_ns")
        if isinstance(since_ns, int):
            self._events.resume(since_ns)
            self._snapshots.resume(position, since_ns)
        first_time = not len(self._runs)
        facts = self._runs.restore(position)
        return [*facts] if first_time else []

    def _reading(self, facts: list[Fact]) -> Reading:
        position = {"since_ns": self._events.last_ns, "boot_id": self._boot_id, "runs": self._runs.to_position()}
        return Reading(facts=tuple(facts), position=position)

    def _event_facts(self, event: DockerEvent, tails: LogTailQueue) -> list[Fact]:
        """
        Return the event as a fact; at the end of a run also request its log tail, before anything else is asked for.
        """
        self._unstarted.observe_event(event, time.monotonic())
        if event.action not in (DockerAction.DIE, DockerAction.DESTROY):
            return [event]
        run = self._runs.remove(event.container_id)
        if event.action is DockerAction.DESTROY or not self._config.last_words:
            return [event]
        if self.is_behind:
            tail = LogTailFact(container_id=event.container_id, die_event_ns=event.time_ns, missing=LOGS_SHED)
            return [event, tail]
        tails.ask(log_tail_request(event, run))
        return [event, LogTailRequestedFact(container_id=event.container_id, die_event_ns=event.time_ns)]

    def _to_inspect(self, events: list[DockerEvent]) -> list[str]:
        after_events = [event.container_id for event in events if event.action in _INSPECTED_AFTER]
        again = self._failed.due(time.monotonic())
        return list(dict.fromkeys([*after_events, *again, *self._unstarted.due(time.monotonic())]))

    def _inspection_facts(self, container_id: str, answer: Mapping[str, Any] | SourceError | None) -> list[Fact]:
        """
        Return what an inspection showed.

        An engine that refuses a request is shutting down, even if its event stream still flows: it counts as down.
        """
        if isinstance(answer, UnusableAnswerError):
            self._garbage += 1
            self._unread.add(1, str(answer))
            return []
        if isinstance(answer, SourceError):
            if not self._failed.add(container_id, time.monotonic()):
                self._unread.add(1, f"a container cannot be inspected: {answer}")
            return self._daemon(up=False, text=str(answer))
        self._failed.forget(container_id)
        facts = self._daemon(up=True, text="the Docker Engine answers again")
        if answer is None:
            self._unstarted.forget(container_id)
            self._runs.remove(container_id)
            engine = self._events.engine
            return [*facts, ContainerGoneFact(container_id=container_id, seen_at_ns=self._wall_ns(), engine=engine)]
        return [*facts, *self._snapshot(answer)]

    def _snapshot(self, answer: Mapping[str, Any]) -> list[Fact]:
        try:
            snapshot = parse_inspect(answer)
        except ParseError:
            self._garbage += 1
            return []
        self._runs.observe(snapshot, self._boot_id)
        self._unstarted.observe(snapshot)
        return [self._snapshots.fact(snapshot, self._wall_ns())]

    def _daemon(self, *, up: bool, text: str) -> list[Fact]:
        """
        Return the fact that the engine went down or came up, once per change.
        """
        if up == self._is_up:
            return []
        self._is_up = up
        return [DockerDaemonFact(up=up, at_ns=self._wall_ns(), text=text)]


def offered(config: DockerConfig) -> bool:
    """
    Return True: an engine may be installed while the agent runs, and trying costs nothing.
    """
    return bool(config.url)


def create(config: DockerConfig, host: HostIdentity) -> DockerSource:
    """
    Create the source for this host.
    """
    return DockerSource(config, host.boot_id)
