"""
Where all sources meet: one task takes readings from the inbox through the analyzer to the committer.
"""

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from collector.analyzer import Analyzer
from collector.correlate.standing import Awaited, Question, Standing
from collector.facts.observed import Fact, GapFact, Origin
from collector.facts.watermark import WatermarkFact
from collector.host.beat import until_beat_s
from collector.metrics import Metrics
from collector.pipeline.committer import Committer
from collector.pipeline.inbox import Inbox
from collector.pipeline.lateness import Lateness
from collector.pipeline.questions import Questions
from collector.pipeline.status_schedule import StatusSchedule
from collector.pipeline.watermark_requests import WatermarkRequests
from collector.sources import KEPT_ELSEWHERE
from collector.sources.base import Reading
from sinks.event import GapKind

# Sources get their turn between batches: they must look into /proc before a process has gone.
_BATCH_FACTS: Final = 64
# A busy source cannot keep the loop from its deadlines: they are looked at this often.
_TURN_NS: Final = 100_000_000
# While much is read, events are committed in between with their positions, so that a crash costs little.
_COMMIT_EVENTS: Final = 32
# An idle loop still turns this often, so that the watchdog sees that it is alive.
_IDLE_S: Final = 5.0
_NS_PER_S: Final = 1_000_000_000
_LOG: Final = logging.getLogger(__name__)


class Intake:
    """
    Feeds the analyzer with what the sources read, and hands its events to the committer.

    Args:
        analyzer: turns facts into events.
        committer: stores events and positions.
        metrics: counts facts and gaps, and measures the lag of the sources.
        request_watermarks: asks the sources how far they have been read.
        status: makes the status of the host; None: nobody wants one.
        on_behind: called when the agent falls behind (True), and when it has caught up (False).
        clock_ns: a monotonic clock.
        wall_ns: the wall clock.

    Attributes:
        lateness: how far the sources are behind.
        questions: those that wait until everything before them is stored.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        committer: Committer,
        *,
        metrics: Metrics,
        request_watermarks: Callable[[], None] = lambda: None,
        on_behind: Callable[[bool], None] = lambda _is_behind: None,
        status: StatusSchedule | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._analyzer = analyzer
        self._committer = committer
        self._metrics = metrics
        self._clock_ns = clock_ns
        self._wall_ns = wall_ns
        self._inbox = Inbox()
        self._watermarks = WatermarkRequests(request_watermarks)
        self.questions = Questions(self._standing, request_watermarks, wall_ns)
        self._on_behind = on_behind
        self._is_behind = False
        self._status = status
        self.lateness = Lateness(wall_ns(), clock_ns)
        self._turned_ns = clock_ns()
        self._reported_faults: set[tuple[str, type[Fact], type[Exception]]] = set()

    async def put(self, source: str, reading: Reading) -> None:
        """
        Queue a reading; wait for room in the inbox and, if the source can be read again, in the store.
        """
        if source in KEPT_ELSEWHERE:
            await self._committer.has_room.wait()
        await self._inbox.put(source, reading)

    async def run(self) -> None:
        """
        Analyze and commit until cancelled.
        """
        while True:
            self._turned_ns = self._clock_ns()
            await self._wait()
            await self._analyze_waiting()
            await self._committer.commit(self._analyzer.held)
            self.questions.note_turn()

    async def drain(self, deadline_s: float) -> None:
        """
        Analyze and store what is left after the sources have stopped, and wait for pending deaths.

        Args:
            deadline_s: seconds from now. What is not decided by then is read again after the next start.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                self._analyzer.sources_ended()
                await self._drain(self._clock_ns() + int(deadline_s * _NS_PER_S))

    async def _drain(self, until_ns: int) -> None:
        while self._clock_ns() < until_ns:
            await self._analyze_waiting()
            await self._committer.commit(self._analyzer.held, at_once=True)
            due_ns = self._analyzer.next_deadline_ns() if self._inbox.empty else self._clock_ns()
            if due_ns is None:
                return
            await asyncio.sleep(max(min(due_ns, until_ns) - self._clock_ns(), 0) / _NS_PER_S)

    def since_progress_s(self) -> float:
        """
        Return the seconds since the loop last turned or last tried to store. A healthy loop does so every few seconds.
        """
        return (self._clock_ns() - max(self._turned_ns, self._committer.tried_ns)) / _NS_PER_S

    def restore(self, facts: Sequence[Fact]) -> None:
        """
        Feed the analyzer with what the store knows from before the restart. Events about it exist already.
        """
        for fact in facts:
            self._analyzer.feed(fact, self._clock_ns())

    async def _wait(self) -> None:
        """
        Wait for a reading, or for the next deadline of the analyzer or the committer.
        """
        if not self._inbox.empty and not self._paused():
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s()):
                await self._inbox.wait(self._paused())

    def _wait_s(self) -> float:
        status_ns = self._status.due_ns if self._status is not None else None
        deadlines = (self._analyzer.next_deadline_ns(), self._committer.due_ns, self._watermarks.due_ns, status_ns)
        waits_s = [max(due - self._clock_ns(), 0) / _NS_PER_S for due in deadlines if due is not None]
        return min([until_beat_s(_IDLE_S, self._clock_ns()), *waits_s])

    def _paused(self) -> Collection[str]:
        """
        Return the sources whose readings stay in the inbox because the store is full.
        """
        return () if self._committer.has_room.is_set() else KEPT_ELSEWHERE

    async def _analyze_waiting(self) -> None:
        """
        Analyze what waits, in batches, for one turn; the rest has to wait for the next turn, after the deadlines.
        """
        until_ns = self._clock_ns() + _TURN_NS
        while batch := self._inbox.take(_BATCH_FACTS, paused=self._paused()):
            self._turned_ns = self._clock_ns()
            for source, reading in batch:
                self._analyze(source, reading)
            if self._committer.waiting >= _COMMIT_EVENTS:
                await self._committer.commit(self._analyzer.held)
            if self._committer.waiting and self._inbox.empty:
                break  # an event does not wait for the next turns of the sources
            await asyncio.sleep(0)
            if self._clock_ns() >= until_ns:
                break
        now_ns = self._clock_ns()
        self._committer.add(self._analyzer.tick(now_ns))
        # While the store is full no status is made: the next one covers that time too.
        if self._status is not None and self._committer.has_room.is_set():
            self._committer.add(self._status.take())
        self._update_behind()
        # The answers also show when the agent has caught up.
        is_asked = self._is_behind or self.questions.is_any_open
        wanted = is_asked or self._analyzer.wants_watermarks(now_ns)
        self._watermarks.update(now_ns, wanted=wanted, begun=0 if self._is_behind else self._analyzer.waits_begun)

    def _standing(self, question: Question, at_ns: int) -> Standing:
        """
        Return how far the agent is with a container; what was decided counts once it is stored.
        """
        standing = self._analyzer.standing(question, at_ns)
        if self._committer.waiting:
            return dataclasses.replace(standing, awaited=(*standing.awaited, Awaited.STORE))
        return standing

    def _update_behind(self) -> None:
        """
        Have less done while the agent is behind.
        """
        is_behind = self.lateness.is_behind
        if is_behind == self._is_behind:
            return
        self._is_behind = is_behind
        _LOG.warning("the agent is behind: log tails and process tables wait" if self._is_behind else "caught up")
        self._analyzer.set_behind(is_behind=self._is_behind)
        self._on_behind(self._is_behind)

    def _analyze(self, source: str, reading: Reading) -> None:
        self._metrics.source_facts.add(source, count=sum(not isinstance(fact, WatermarkFact) for fact in reading.facts))
        origin = self._committer.add_reading(source, reading.position)
        for fact in reading.facts:
            self._feed(fact, origin)

    def _feed(self, fact: Fact, origin: Origin) -> None:
        if isinstance(fact, GapFact):
            self._note_gap(fact)
        if fact.occurred_at_ns is not None:
            lag_s = self.lateness.observe(origin.source, fact.occurred_at_ns, self._wall_ns())
            self._metrics.source_lag_seconds.set_age(origin.source, seconds=lag_s)
        try:
            self._committer.add(self._analyzer.feed(fact, self._clock_ns(), origin))
        except Exception as error:  # noqa: BLE001 (a restart would meet the same fact again)
            self._skip_fact(fact, origin.source, error)

    def _skip_fact(self, fact: Fact, source: str, error: Exception) -> None:
        """
        Count a fact that could not be processed. Log and publish it once per kind of fact and error.
        """
        self._metrics.source_gaps.add(source, GapKind.FACT_FAILED)
        kind = (source, type(fact), type(error))
        if kind in self._reported_faults:
            return
        self._reported_faults.add(kind)
        _LOG.error("could not process a fact of the source %s: %r", source, fact, exc_info=error)
        text = f"The agent could not process a fact of the source {source} ({type(error).__name__})."
        self._committer.add_gap(GapFact(source=source, what=GapKind.FACT_FAILED, at_ns=self._wall_ns(), text=text))

    def _note_gap(self, fact: GapFact) -> None:
        if fact.what is GapKind.SOURCE_DOWN:
            self.lateness.forget(fact.source)
        if fact.what not in (GapKind.SOURCE_UP, GapKind.SOURCE_DOWN):
            _LOG.warning("source %s: %s", fact.source, fact.text, extra={"source": fact.source, "what": fact.what})
            self._metrics.source_gaps.add(fact.source, fact.what)
