"""
Docker's event stream, and what inspect says at its edges.

The engine remembers 256 events of all kinds, skips a listener that does not read for 100 ms, and forgets everything
when it restarts. So a thread does nothing but read, and after every gap all containers are listed and inspected: the
correlator finds the deaths that no event told. A container is inspected when it starts, because its pid and limits
are gone when it has died, and again when it has died, for its exit code; and its last lines are asked for.

Needs read access to the engine's socket, which is as good as root on the host; a read-only proxy does as well.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final

from collector.correlate.facts import (
    ContainerGoneFact,
    EngineFact,
    Fact,
    GapFact,
    LastWordsAsked,
    LastWordsFact,
    SnapshotFact,
)
from collector.hostclock import HostIdentity
from collector.last_words import LastWords
from collector.sources.base import Position, Reading, SourceError
from collector.sources.docker_client import DockerClient, EventStream
from collector.sources.docker_runs import KnownRuns, UnstartedContainers
from collector.sources.docker_stream import EventPump, Inspections, Tail, Tails
from collector.sources.settings import DockerConfig
from collector.threads import in_thread
from parsers.docker_event import DockerAction, DockerEvent, parse_event
from parsers.docker_inspect import ContainerSnapshot, parse_inspect
from parsers.errors import ParseError

_OVERLAP_NS: Final = 1_000_000_000
_SEEN_KEPT: Final = 4096
_COMPARED_AT_MOST: Final = 1000
_LOOK_EVERY_S: Final = 1.0
_INSPECTED_AFTER: Final = frozenset(
    {DockerAction.CREATE, DockerAction.START, DockerAction.DIE, DockerAction.UPDATE, DockerAction.RENAME}
)


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
        self._told_until_ns: int | None = None
        self._gap_from_ns = 0
        self._unanswered: dict[str, None] = {}
        self._answers = False
        self._taken_up: tuple[int, str | None] = (0, boot_id)
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Read from a position on; without one, from now, with what runs already.

        Raises:
            SourceError: the engine does not answer (any more).
        """
        remembered = self._take_up(position)
        if remembered:
            yield self._reading(remembered)
        stream: EventStream | None = None
        client: DockerClient | None = None
        try:
            client = await in_thread(self._connect, self._config.url)
            version = await in_thread(client.version)
            first_time = self._last_event_ns is None
            self._gap_from_ns = self._last_event_ns or self._wall_ns() - _OVERLAP_NS
            self._last_event_ns = self._gap_from_ns
            stream = await in_thread(client.events, self._gap_from_ns)
            pump = EventPump(stream, asyncio.get_running_loop())
            yield self._reading(self._engine(up=True, text=f"Docker Engine {version} answers"))
            async for reading in self._follow(pump, client, only_running=first_time):
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

    async def _follow(self, pump: EventPump, client: DockerClient, *, only_running: bool) -> AsyncGenerator[Reading]:
        """
        What happens, from the subscription on; and once, what runs or has ended in the gap before it.
        """
        inspections = Inspections(client, pump.wake)
        tails = Tails(client, pump.wake)
        compare = True
        while True:
            if compare:
                for container_id in await self._to_compare(client, only_running=only_running):
                    inspections.ask(container_id)
            messages, ended = await pump.take(_LOOK_EVERY_S)
            events = [event for event in map(self._event, messages) if event is not None]
            if events:
                yield self._reading([fact for event in events for fact in self._with_words(event, tails)])
            for container_id in self._worth_inspecting(events):
                inspections.ask(container_id)
            for container_id, answer in inspections.answers():
                yield self._reading(self._inspected(container_id, answer))
            told = [_told(tail, words) for tail, words in tails.answers()]
            if told:
                yield self._reading([*told])
            compare = pump.dropped > 0
            if compare:
                yield self._reading([self._overflow(pump.reset_dropped())])
            if ended is not None:
                raise ended

    async def _to_compare(self, client: DockerClient, *, only_running: bool) -> list[str]:
        """
        All that runs or ran when we last looked; after a gap also what may have ended in it.
        """
        found = await in_thread(client.container_ids, running_only=only_running)
        return list(dict.fromkeys([*self._runs.ids(), *found[:_COMPARED_AT_MOST]]))

    def _take_up(self, position: Position | None) -> list[Fact]:
        """
        Go on from a stored position: the runs that went on then, and the last event.
        """
        if position is None:
            return []
        since_ns = position.get("since_ns")
        boot_id = position.get("boot_id")
        if isinstance(since_ns, int):
            self._last_event_ns = self._told_until_ns = since_ns
            self._taken_up = (since_ns, boot_id if isinstance(boot_id, str) else None)
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
        if key in self._seen or event.time_ns == self._told_until_ns:
            return None  # the engine repeats the event at the very moment that it is asked from
        self._seen[key] = None
        if len(self._seen) > _SEEN_KEPT:
            self._seen.popitem(last=False)
        self._last_event_ns = max(self._last_event_ns or 0, event.time_ns)
        self._unstarted.note(event, time.monotonic())
        return event

    def _with_words(self, event: DockerEvent, tails: Tails) -> list[Fact]:
        """
        An event; after the end of a run its last lines are asked for, before anything else is.
        """
        if event.action not in (DockerAction.DIE, DockerAction.DESTROY):
            return [event]
        run = self._runs.ended(event.container_id)
        if event.action is DockerAction.DESTROY or not self._config.last_words:
            return [event]
        began_ns, log_driver = run.get("started_at_ns"), run.get("log_driver")
        tails.ask(
            Tail(
                container_id=event.container_id,
                die_event_ns=event.time_ns,
                began_ns=began_ns,
                log_driver=log_driver,
            )
        )
        return [event, LastWordsAsked(container_id=event.container_id, die_event_ns=event.time_ns)]

    def _worth_inspecting(self, events: list[DockerEvent]) -> list[str]:
        after_events = [event.container_id for event in events if event.action in _INSPECTED_AFTER]
        again, self._unanswered = self._unanswered, {}
        return list(dict.fromkeys([*after_events, *again, *self._unstarted.due(time.monotonic())]))

    def _inspected(self, container_id: str, answer: Mapping[str, Any] | SourceError | None) -> list[Fact]:
        """
        What an inspection showed; an engine that takes no new requests is going down, though its stream still flows.
        """
        if isinstance(answer, SourceError):
            self._unanswered[container_id] = None
            return self._engine(up=False, text=str(answer))
        facts = self._engine(up=True, text="the Docker Engine answers again")
        if answer is None:
            self._unstarted.forget(container_id)
            self._runs.ended(container_id)
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
        return [
            SnapshotFact(
                snapshot=snapshot,
                seen_at_ns=self._wall_ns(),
                boot_id=self._boot_of(snapshot),
                ended_unseen=self._ended_unseen(snapshot),
            )
        ]

    def _ended_unseen(self, snapshot: ContainerSnapshot) -> bool:
        ended_ns = snapshot.finished_at_ns if not snapshot.running else None
        return ended_ns is not None and ended_ns > self._gap_from_ns

    def _boot_of(self, snapshot: ContainerSnapshot) -> str | None:
        """
        The boot in which a run began: that of the stored position, if it began before that was stored.
        """
        began_ns, (until_ns, boot_id) = snapshot.started_at_ns, self._taken_up
        return boot_id if began_ns is not None and began_ns <= until_ns else self._boot_id

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


def _told(tail: Tail, words: LastWords) -> LastWordsFact:
    return LastWordsFact(
        container_id=tail.container_id,
        die_event_ns=tail.die_event_ns,
        lines=words.lines,
        missing=words.missing,
    )


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
