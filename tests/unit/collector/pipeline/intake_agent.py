"""
An intake over a real store and a real analyzer, and waiting for what it has done.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from collector.analyzer import Analyzer
from collector.facts.observed import Fact, GapFact
from collector.metrics import Metrics
from collector.pipeline.committer import Committer
from collector.pipeline.intake import Intake
from collector.publish.agent import AgentEvents
from collector.sources.base import Position, Reading
from collector.store import Store, StoredEvent
from sinks.base import SinkConfig
from sinks.event import GapKind
from tests.unit.collector.correlate.scene import THIS_HOST, ns

SINK = SinkConfig(name="bus", type="stdout")


SECOND = 1_000_000_000


Commit = Callable[[Sequence[StoredEvent], Mapping[str, Position]], Coroutine[Any, Any, int]]


class Agent:
    """
    An intake and a committer with everything that they need, and a clock that the test moves.
    """

    def __init__(self, store: Store) -> None:
        self.metrics = Metrics(sources=["kmsg"], sinks=["bus"])
        self.now_ns = ns(0)
        self.stored = asyncio.Event()
        self.store = store
        self.committer = Committer(
            store,
            [SINK],
            agent_events=AgentEvents(host=THIS_HOST),
            metrics=self.metrics,
            on_stored=self.stored.set,
            clock_ns=self._clock_ns,
        )
        self.intake = Intake(Analyzer(THIS_HOST), self.committer, metrics=self.metrics, clock_ns=self._clock_ns)

    def _clock_ns(self) -> int:
        """
        Advance by a tenth of a millisecond at each call.
        """
        self.now_ns += 100_000
        return self.now_ns

    async def put(self, source: str, seq: int, *facts: Fact) -> None:
        await self.intake.put(source, Reading(facts=facts, position={"seq": seq}))

    async def types(self) -> list[str]:
        return [event.type for event in await self.store.events()]


@asynccontextmanager
async def running(agent: Agent) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(agent.intake.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (a thread writes the store)
            await asyncio.sleep(0.001)


async def taken(agent: Agent) -> None:
    """
    Wait until the intake has taken everything that was put.
    """
    await until(lambda: agent.intake._inbox.empty)
    for _ in range(10):
        await asyncio.sleep(0)


def gap(what: GapKind = GapKind.RECORDS_LOST) -> GapFact:
    return GapFact(source="kmsg", what=what, at_ns=ns(1), text="12 records are gone", count=12)
