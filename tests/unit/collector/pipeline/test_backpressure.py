"""
A store that is full for an hour: what pauses, what is dropped, and that both are reported.
"""

import asyncio
import errno
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from collector.analyzer import Analyzer
from collector.config.sources import KmsgConfig
from collector.host.clock import BootClock
from collector.metrics import Metrics
from collector.pipeline.committer import Committer
from collector.pipeline.intake import Intake
from collector.publish.agent import AgentEvents
from collector.sources.base import Reading
from collector.sources.kmsg.source import KmsgSource
from collector.store import Store
from parsers.docker_event import DockerAction
from sinks.base import SinkConfig
from tests.unit.collector.correlate.scene import THIS_HOST, docker, ended, ns, report
from tests.unit.collector.sources.devices import Kmsg, kill, record

pytestmark = pytest.mark.slow

SINK = SinkConfig(name="bus", type="stdout")
MAX_BYTES = 600_000
HOUR_S = 3600
SECOND = 1_000_000_000


class Host:
    """
    An agent whose sink is down, with a clock that the test moves: the kernel kills, and containers end.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.metrics = Metrics(sources=["kmsg"], sinks=["bus"])
        self.now_ns = ns(0)
        self.kills = 0
        self.read = 0
        self.deaths = 0
        self.committer = Committer(
            store,
            [SINK],
            agent_events=AgentEvents(host=THIS_HOST),
            metrics=self.metrics,
            on_stored=lambda: None,
            clock_ns=lambda: self.now_ns,
            wall_ns=lambda: self.now_ns,
        )
        self.intake = Intake(
            Analyzer(THIS_HOST),
            self.committer,
            metrics=self.metrics,
            clock_ns=lambda: self.now_ns,
            wall_ns=lambda: self.now_ns,
        )

    async def read_kernel_log(self) -> None:
        """
        Read like a source: the next report is put when the last one was taken.
        """
        while True:
            while self.read >= self.kills:  # noqa: ASYNC110 (the host goes on)
                await asyncio.sleep(0)
            facts = report(10_000 + self.read, container(self.read), at_s=self.read)
            await self.intake.put("kmsg", Reading(facts=tuple(facts), position={"seq": self.read + 1}))
            self.read += 1

    async def end_a_container(self, at_s: int) -> None:
        """
        End a container. Docker reports that once and does not keep it.
        """
        id_ = container(100_000 + self.deaths)
        facts = (docker(DockerAction.DIE, at_s, id_, exit_code=1), ended(id_, finished_s=at_s, exit_code=1))
        await self.intake.put("docker", Reading(facts=facts, position={"seq": at_s}))
        self.deaths += 1

    async def go_on(self, seconds: int) -> None:
        self.now_ns += seconds * SECOND
        for _ in range(5):
            await asyncio.sleep(0.001)

    async def drain(self, last: str) -> list[dict[str, Any]]:
        """
        Deliver everything until the event about this container has arrived, and return what was delivered.
        """
        return await self.drain_until(lambda taken: any(event["subject"] == f"container/{last}" for event in taken))

    async def drain_until(self, done: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """
        Deliver everything until the condition holds, and return what was delivered.
        """
        taken: list[dict[str, Any]] = []
        async with asyncio.timeout(20):
            while not done(taken):
                waiting = await self.store.pending("bus", 20, 0)
                taken += [json.loads(event.outgoing.body) for event in waiting]
                await self.store.mark_delivered("bus", [event.outgoing.id for event in waiting])
                await self.go_on(2)
        return taken


def container(number: int) -> str:
    return f"{number:064x}"


@asynccontextmanager
async def running(host: Host) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(host.intake.run()), loop.create_task(host.read_kernel_log())]
    yield
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    store = await Store.open(tmp_path / "s.db", max_bytes=MAX_BYTES, wall_ns=lambda: made.now_ns)
    made = Host(store)
    yield made
    await store.aclose()


async def filled(host: Host, once_a_step: Callable[[int], object]) -> None:
    """
    Let an hour pass in steps of ten seconds, with one kill in each.
    """
    for at_s in range(0, HOUR_S, 10):
        host.kills += 1
        await once_a_step(at_s)
        await host.go_on(10)


def of_type(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == f"exit137.{kind}"]


async def test_a_source_that_keeps_its_input_is_paused_and_nothing_is_lost(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The kernel log is not read meanwhile. When the sink takes events again, each kill arrives. It is logged once.
    """

    async def nothing(_: int) -> None:
        return None

    async with running(host):
        await filled(host, nothing)
        assert host.read < host.kills == 360
        assert host.committer.trouble is not None
        assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
        taken = await host.drain(container(359))
        assert host.committer.trouble is None
    assert len({event["id"] for event in of_type(taken, "oom_kill")}) == 360
    assert host.metrics.value("exit137_sink_dropped", "bus") == 0


async def test_what_cannot_be_read_again_is_stored_and_the_oldest_is_dropped_and_counted(host: Host) -> None:
    """
    The newest deaths are delivered, and the last `exit137.agent` event says how many events were dropped.
    """
    async with running(host):
        await filled(host, host.end_a_container)
        taken = await host.drain(container(100_359))
    deaths = {event["subject"] for event in of_type(taken, "container_death")}
    assert {f"container/{container(100_000 + number)}" for number in range(330, 360)} <= deaths
    (last, *_) = reversed(of_type(taken, "agent"))
    dropped = host.metrics.value("exit137_sink_dropped", "bus")
    assert last["data"]["exit137"]["gap"]["count"] == dropped
    assert dropped >= 360 - len(deaths) > 0


async def test_events_that_wait_for_a_full_store_are_bounded(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Beyond the bound, events that could be read again replace the oldest undelivered ones instead of waiting.
    """
    monkeypatch.setattr("collector.pipeline.committer._MAX_WAITING", 10)
    for number in range(360):
        analyzer = Analyzer(THIS_HOST)
        for fact in report(10_000 + number, container(number), at_s=number):
            host.committer.add(analyzer.feed(fact, host.now_ns))
        host.committer.add(analyzer.flush())
        await host.committer.commit(dict)
        assert host.committer.waiting <= 10
    assert host.committer.trouble is not None
    dropped = host.metrics.value("exit137_sink_dropped", "bus")
    assert dropped is not None
    assert dropped > 0


class Ring:
    """
    A kernel log that keeps the last thousand records and never blocks a reader.
    """

    def __init__(self) -> None:
        self.written = 0
        self._records: deque[tuple[int, bytes]] = deque(maxlen=1000)
        self._next = 1

    def write(self, make: Callable[[int], bytes]) -> None:
        self.written += 1
        self._records.append((self.written, make(self.written)))

    def read(self, device: int, size: int) -> bytes:
        """
        Return the next record as the device does.
        """
        if self._next > self.written:
            raise BlockingIOError
        oldest = self._records[0][0]
        if self._next < oldest:
            self._next = oldest
            raise OSError(errno.EPIPE, "Broken pipe")
        self._next += 1
        return self._records[self._next - 1 - oldest][1]


def lost(events: list[dict[str, Any]]) -> int:
    return sum(event["data"]["exit137"]["gap"]["count"] for event in of_type(events, "agent"))


async def test_what_the_kernel_overwrote_meanwhile_is_counted(host: Host, tmp_path: Path) -> None:
    """
    The kernel keeps its log only for a while: each record was read, or is in the count of a gap.
    """
    ring = Ring()
    with Kmsg(tmp_path / "kmsg") as device:
        device.write(b"there is always something to read")
        clock = BootClock(monotonic_ns=lambda: 0, wall_ns=lambda: ns(0))
        source = KmsgSource(KmsgConfig(path=str(device.path)), None, clock, ring.read)

        async def read_ring() -> None:
            async for reading in source.readings(None):
                await host.intake.put("kmsg", reading)
                await asyncio.sleep(0)

        host.read_kernel_log = read_ring  # type: ignore[method-assign]

        async def write_ring(at_s: int) -> None:
            for number in range(5):
                ring.write(lambda seq, pid=10_000 + at_s + number: kill(seq, pid))
            for _ in range(45):
                ring.write(lambda seq: record(seq, "eth0: link up"))

        async with running(host):
            await filled(host, write_ring)
            assert host.committer.trouble is not None
            assert source.records < ring.written - 1000
            await host.drain_until(lambda taken: lost(taken) + source.records == ring.written)
