"""
An agent whose sources are late, and which may be killed: what it publishes of a story in the end.

What it has stored survives: its events and, per source, a position that no fact is behind that is still needed. What
the process connector and the trace had not handed over is lost with it, because nothing keeps that.
"""

from collections.abc import Iterator
from typing import Any

from collector.facts.kernel import KernelFact
from collector.facts.observed import Fact, GapFact, OomCountedFact, SnapshotFact
from collector.facts.watermark import WatermarkFact
from collector.pipeline import restore
from collector.pipeline.checkpoints import Checkpoints
from collector.sources.docker.known_runs import KnownRuns
from collector.store import PastEvent
from parsers.docker_event import DockerAction, DockerEvent
from sinks.event import Event, EventType, GapKind, to_json
from tests.property.delivery import Delivery
from tests.property.story import Record, Story
from tests.unit.collector.correlate.scene import BEGIN_NS, BOOT_ID, SECOND, Scene, ns

COUNTERS_EVERY_S = 5.0
# Positions are stored with events, else so often.
POSITIONS_EVERY_S = 5.0
# An agent that is woken no more often than this is late, and must be right as well.
WAKES_EVERY_S = 0.05
# The longest waits are over by then.
LATEST_S = 300.0
KEPT_ELSEWHERE = frozenset({"kmsg", "journald", "docker"})
ENDS = frozenset({DockerAction.DIE, DockerAction.DESTROY})


class _Counters:
    """
    The counters of OOM kills, read every few seconds unless the source pauses.
    """

    def __init__(self, story: Story) -> None:
        self._story = story
        self._read_s: float | None = None
        self._counts: dict[str, int] = {}

    def read(self, now_s: float) -> Iterator[OomCountedFact]:
        """
        Yield by how much each counter has risen; the host's comes last.
        """
        before_s = self._read_s if self._read_s is not None else now_s
        counted = [kill for kill in self._story.counted if kill.at_s <= now_s]
        counts: dict[str, int] = {}
        for kill in counted:
            if self._story.ends_s.get((kill.container_id, kill.run), LATEST_S) > now_s:
                counts[kill.container_id] = counts.get(kill.container_id, 0) + 1
        for container_id, count in counts.items():
            grown = count - self._counts.get(container_id, 0)
            if grown > 0 and self._read_s is not None:
                yield _counted(container_id, grown, before_s, now_s)
        yield _counted(None, sum(kill.at_s > before_s for kill in counted), before_s, now_s)
        self._counts, self._read_s = counts, now_s


def _counted(container_id: str | None, count: int, from_s: float, to_s: float) -> OomCountedFact:
    return OomCountedFact(container_id=container_id, count=count, from_ns=ns(from_s), read_ns=ns(to_s), to_ns=ns(to_s))


class _Store:
    """
    What survives the agent: events, each id once, and positions.
    """

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.positions: dict[str, dict[str, Any]] = {}

    def add(self, events: list[Event], positions: dict[str, dict[str, Any]]) -> None:
        """
        Store both in one transaction.
        """
        for event in events:
            self.events.setdefault(event.id, event)
        self.positions.update(positions)

    def restored(self) -> Iterator[Fact]:
        """
        Yield what an agent that starts takes over from the events.
        """
        yield from restore.deaths(self._past(EventType.CONTAINER_DEATH))
        for past in self._past(EventType.OOM_KILL):
            yield from restore.kills(past)

    def _past(self, of_type: EventType) -> list[PastEvent]:
        return [
            PastEvent(
                seq=number,
                id=event.id,
                type=event.type.value,
                subject=event.subject or "",
                container_id=event.container.id if event.container is not None else None,
                time_ns=event.time_ns or 0,
                body=to_json(event),
            )
            for number, event in enumerate(self.events.values())
            if event.type is of_type
        ]


class _Agent:
    """
    An analyzer and its sources, from one start to the next.

    Args:
        story: what happens.
        delivery: how late each source is.
        store: what earlier agents have stored.
        began_s: when it starts.
    """

    def __init__(self, story: Story, delivery: Delivery, store: _Store, began_s: float = 0.0) -> None:
        self._scene = Scene()
        self._scene.now_s = began_s
        self._delivery = delivery
        self._store = store
        self._checkpoints = Checkpoints()
        self._stored_s = began_s
        self._new: list[Event] = []
        self._ids: list[str] = []
        self._sources = [source for source in delivery.order if source in story.streams or source == "cgroups"]
        self._streams = story.streams
        self._next = {source: self._first_unread(source, began_s) for source in story.streams}
        self._newest: dict[str, KernelFact] = {}
        self._counters, self._count_at_s = _Counters(story), began_s
        self._runs = KnownRuns()
        self._read_until_s = max(
            delivery.delay(source).read_at(record.at_s) for source, stream in story.streams.items() for record in stream
        )
        self._down: set[str] = set()
        # Only the newest record of kmsg shows that journald is late: without it the end of the journal would be a lie.
        self._journald_itself_is_late = delivery.journald_itself_is_late and "kmsg" in story.logs
        self._journald_itself_is_late &= delivery.restarted is None
        self._feed(None, *store.restored(), *self._runs.restore(store.positions.get("docker", {})))
        # The first reading shows that a source is up.
        for source in self._sources:
            self._feed(source, _state(source, "source_up", began_s), WatermarkFact(source=source, read_until_ns=0))

    def run(self, killed_at_s: float) -> bool:
        """
        Go on until all sources have been read and nothing waits; return whether it was killed before.
        """
        now_s = self._scene.now_s
        while now_s <= LATEST_S:
            self._scene.now_s = now_s
            if self._delivery.ticks_first:
                self._tick()
            for source in self._sources:
                self._read(source, now_s)
            self._tick()
            if self._scene.analyzer.wants_watermarks(ns(now_s)):
                self._state_watermarks(now_s)
            upcoming = self._next_s(now_s)
            if now_s >= killed_at_s:
                return True  # what it has not stored yet is gone
            self._commit(now_s)
            if upcoming is None:
                return False
            now_s = min(upcoming, killed_at_s)
        raise AssertionError("the agent waits for ever")

    def _first_unread(self, source: str, began_s: float) -> int:
        stream = self._streams[source]
        if source in KEPT_ELSEWHERE:
            number = self._store.positions.get(source, {}).get("next", 0)
            return int(number)
        return next((number for number, record in enumerate(stream) if record.at_s >= began_s), len(stream))

    def _commit(self, now_s: float) -> None:
        self._ids += [event.id for event in self._new]
        assert len(set(self._ids)) == len(self._ids), "an event was published twice"
        if self._new or now_s >= self._stored_s + POSITIONS_EVERY_S:
            positions = self._checkpoints.storable(self._scene.analyzer.held())
            self._store.add(self._new, {source: dict(position) for source, position in positions.items()})
            self._checkpoints.mark_stored(positions)
            self._new, self._stored_s = [], now_s

    def _tick(self) -> None:
        self._new += self._scene.wait(0)

    def _feed(self, source: str | None, *facts: Fact, position: dict[str, Any] | None = None) -> None:
        origin = self._checkpoints.add(source, position or {}) if source is not None else None
        self._new += self._scene.feed(*facts, origin=origin)

    def _read(self, source: str, now_s: float) -> None:
        delay = self._delivery.delay(source)
        is_down = source == self._delivery.restarted and delay.is_paused(now_s)
        if is_down != (source in self._down):
            self._down ^= {source}
            self._feed(source, _state(source, "source_down" if is_down else "source_up", now_s))
        if source == "cgroups":
            if now_s >= self._count_at_s and not delay.is_paused(now_s):
                self._feed(source, *self._counters.read(now_s))
                self._count_at_s = now_s + COUNTERS_EVERY_S
            return
        while (record := self._unread(source)) is not None and delay.read_at(record.at_s) <= now_s:
            self._next[source] += 1
            if isinstance(record.fact, KernelFact):
                self._newest[source] = record.fact
            self._feed(source, record.fact, position=self._position(source, record.fact))

    def _unread(self, source: str) -> Record | None:
        stream, number = self._streams[source], self._next[source]
        return stream[number] if number < len(stream) else None

    def _position(self, source: str, fact: Fact) -> dict[str, Any]:
        if isinstance(fact, SnapshotFact):
            self._runs.observe(fact.snapshot, BOOT_ID)
        elif isinstance(fact, DockerEvent) and fact.action in ENDS:
            self._runs.remove(fact.container_id)
        runs = {"runs": self._runs.to_position()} if source == "docker" else {}
        return {"next": self._next[source], **runs}

    def _state_watermarks(self, now_s: float) -> None:
        """
        Have each source that is read state how far it has been read.
        """
        for source in self._sources:
            delay = self._delivery.delay(source)
            # A journal that has shown no kernel line looks like one that does not read the kernel log.
            shows_lines = source == "journald" and source in self._newest
            at_its_end = shows_lines and self._journald_itself_is_late
            if source == "cgroups" or source in self._down or (delay.is_paused(now_s) and not at_its_end):
                continue
            read_until_s = now_s if at_its_end else now_s - delay.base_s
            fact = WatermarkFact(source=source, read_until_ns=ns(read_until_s), **self._newest_kernel(source))
            self._feed(source, fact)

    def _newest_kernel(self, source: str) -> dict[str, Any]:
        newest = self._newest.get(source)
        if newest is None:
            return {}
        return {"newest_kernel_us": newest.line.monotonic_us, "newest_kernel_ns": newest.line.at_ns}

    def _next_s(self, now_s: float) -> float | None:
        """
        Return when something happens next; None when all has been read and nothing waits.
        """
        first = [(source, record) for source in self._streams if (record := self._unread(source)) is not None]
        times_s = [self._delivery.delay(source).read_at(record.at_s) for source, record in first]
        deadline_ns = self._scene.analyzer.next_deadline_ns()
        if deadline_ns is not None:
            times_s.append(max((deadline_ns - BEGIN_NS) / SECOND, now_s + WAKES_EVERY_S))
        counts_s = self._delivery.delay("cgroups").read_at(self._count_at_s)
        if counts_s < self._read_until_s + 2 * COUNTERS_EVERY_S:
            times_s.append(counts_s)
        return max(min(times_s), now_s + 1e-6) if times_s else None


def _state(source: str, what: str, at_s: float) -> GapFact:
    return GapFact(source=source, what=GapKind(what), at_ns=ns(at_s), text=what)


def published(story: Story, delivery: Delivery) -> list[Event]:
    """
    Return what an agent publishes of a story in the end, each id once, as the store takes it.
    """
    store, began_s = _Store(), 0.0
    for killed_at_s in (*delivery.killed_at_s, LATEST_S):
        if not _Agent(story, delivery, store, began_s).run(killed_at_s):
            break
        began_s = killed_at_s
    return list(store.events.values())
