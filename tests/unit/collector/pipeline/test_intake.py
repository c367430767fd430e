"""
From readings to stored events and positions, over a real store and a real analyzer.
"""

import asyncio
import time
from dataclasses import replace

import pytest

from collector.facts.restored import RestoredRunFact
from collector.facts.watermark import WatermarkFact
from collector.pipeline.lateness import Lateness
from collector.pipeline.watermark_requests import WatermarkRequests
from collector.sources.base import Reading
from parsers.docker_event import DockerAction
from sinks.event import GapKind
from tests.unit.collector.correlate.scene import A, docker, ended, line, marked, ns, report
from tests.unit.collector.pipeline.intake_agent import SECOND, Agent, gap, running, taken, until


async def test_an_event_is_stored_for_its_sinks_and_delivery_is_woken(agent: Agent) -> None:
    """
    The stored body is what will be sent.
    """
    async with running(agent):
        await agent.put("kmsg", 1, gap())
        await asyncio.wait_for(agent.stored.wait(), 5)
    assert await agent.types() == ["exit137.agent"]
    (pending,) = await agent.store.pending("bus", 10, 0)
    assert b"12 records are gone" in pending.outgoing.body


async def test_an_event_that_was_stored_before_wakes_nobody(agent: Agent) -> None:
    """
    Facts that are read again after a crash lead to the same ids, and a known id is not stored or sent again.
    """
    await agent.put("kmsg", 1, gap())
    await agent.intake.drain(10)
    agent.stored.clear()
    await agent.put("kmsg", 1, gap())
    await agent.intake.drain(10)
    assert not agent.stored.is_set()
    assert await agent.types() == ["exit137.agent"]


async def test_a_source_that_is_faster_than_the_agent_waits(agent: Agent) -> None:
    """
    The inbox is bounded, so that what was not read yet stays where it was written.
    """
    for seq in range(256):
        await agent.put("kmsg", seq)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(agent.put("kmsg", 256), 0.01)


async def test_facts_and_gaps_are_counted(agent: Agent) -> None:
    """
    Every fact is counted, and every gap but the ups and downs of a source.
    """
    await agent.put("kmsg", 1, gap(GapKind.SOURCE_UP), gap())
    await agent.intake.drain(10)
    assert agent.metrics.value("exit137_source_facts", "kmsg") == 2
    assert agent.metrics.value("exit137_source_gaps", "kmsg", "records_lost") == 1


async def test_a_fact_that_cannot_be_processed_is_published_and_skipped(agent: Agent) -> None:
    """
    An error in the agent itself does not stop it: it continues with the next fact, and the position advances.
    """
    broken = docker(DockerAction.DIE, 0, container_id=["no", "id"])  # type: ignore[arg-type]
    async with running(agent):
        await agent.put("docker", 1, broken, broken)
        await agent.put("kmsg", 2, *report(7, A, 1))
        await until(lambda: agent.metrics.value("exit137_events", "exit137.oom_kill", "none") == 1)
    (event,) = [stored for stored in await agent.store.events() if stored.type == "exit137.agent"]
    assert b"fact_failed" in event.body
    assert agent.metrics.value("exit137_source_gaps", "docker", "fact_failed") == 2


async def test_restored_facts_are_known_before_anything_is_read(agent: Agent) -> None:
    """
    A run that was going on when the agent stopped, and has ended since, is published as a death.
    """
    run = RestoredRunFact(container_id=A, name="box-a", image=None, boot_id=None, started_at_ns=ns(0), main_pid=4000)
    agent.intake.restore([run])
    await agent.put("docker", 1, ended(finished_s=5, exit_code=0))
    await agent.intake.drain(10)
    assert await agent.types() == ["exit137.container_death"]


async def test_the_lag_of_a_source_is_measured_by_each_of_its_facts(agent: Agent) -> None:
    """
    The trace source sends no gap and no kernel line while it runs; its lag is true all the same.
    """
    async with running(agent):
        await agent.put("trace", 1, replace(marked(7), at_ns=time.time_ns() - 3 * SECOND))
        await taken(agent)
    lag_s = agent.metrics.value("exit137_source_lag_seconds", "trace")
    assert lag_s is not None
    assert 3 <= lag_s < 60


async def test_sources_are_asked_for_watermarks_while_something_waits(agent: Agent) -> None:
    """
    The intake wakes by itself and asks again, until the analyzer wants no watermarks.
    """
    asked: list[int] = []
    agent.intake._watermarks = WatermarkRequests(lambda: asked.append(agent.now_ns))
    waits = [True, True, True]
    agent.intake._analyzer.wants_watermarks = lambda _now_ns: bool(waits and waits.pop())  # type: ignore[method-assign]
    async with running(agent):
        await agent.put("kmsg", 1, gap())
        await until(lambda: not waits)
    assert len(asked) >= 1


async def test_after_the_sources_have_ended_nothing_waits_for_them(agent: Agent) -> None:
    """
    The analyzer learns that no more evidence will come before the last deadlines are waited for.
    """
    ended: list[bool] = []
    agent.intake._analyzer.sources_ended = lambda: ended.append(True)  # type: ignore[method-assign]
    await agent.intake.drain(10)
    assert ended == [True]


async def test_a_watermark_measures_the_lag_and_is_not_counted_as_a_fact(agent: Agent) -> None:
    """
    The lag of a source is that of its newest statement; a watermark is no evidence.
    """
    await agent.put("kmsg", 1, WatermarkFact(source="kmsg", read_until_ns=time.time_ns() - 3 * SECOND))
    await agent.intake.drain(10)
    assert agent.metrics.value("exit137_source_facts", "kmsg") == 0
    lag_s = agent.metrics.value("exit137_source_lag_seconds", "kmsg")
    assert lag_s is not None
    assert 3 <= lag_s < 10


async def test_less_is_done_while_the_agent_is_behind(agent: Agent) -> None:
    """
    The sources and the analyzer learn when the agent falls behind and when it has caught up.
    """
    heard: list[bool] = []
    agent.intake._on_behind = heard.append
    agent.intake.lateness = Lateness(0, agent._clock_ns)
    late = WatermarkFact(source="kmsg", read_until_ns=time.time_ns() - 6 * SECOND)
    async with running(agent):
        await agent.put("kmsg", 1, late)
        await until(lambda: heard == [True])
        assert agent.intake._analyzer._is_behind
        await agent.put("kmsg", 2, replace(late, read_until_ns=time.time_ns()))
        await taken(agent)
        agent.now_ns += 5 * SECOND
        await agent.put("kmsg", 3)
        await until(lambda: heard == [True, False])
        assert not agent.intake._analyzer._is_behind


async def test_each_batch_is_progress(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An agent that works through a long backlog on a starved host is slow, not stalled.
    """
    ages_s: list[float] = []
    analyze = agent.intake._analyze

    def slowly(source: str, reading: Reading) -> None:
        agent.now_ns += 5 * SECOND
        ages_s.append(agent.intake.since_progress_s())
        analyze(source, reading)

    monkeypatch.setattr(agent.intake, "_analyze", slowly)
    async with running(agent):
        for ordinal in range(10):
            await agent.put("kmsg", ordinal, *(line("usb 1-1: new device", 1) for _ in range(64)))
        await until(lambda: len(ages_s) >= 10)
    assert max(ages_s) < 30
