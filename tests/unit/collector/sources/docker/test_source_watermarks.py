"""
Up to when the Docker source has read: pings, watermarks, and a stream that ends.
"""

from contextlib import aclosing
from pathlib import Path

import pytest

from collector.config.sources import DockerConfig
from collector.facts.observed import (
    ContainerGoneFact,
    DockerDaemonFact,
)
from collector.facts.watermark import WatermarkFact
from collector.sources.base import SourceError, SourceMissingError
from collector.sources.docker.source import DockerSource
from parsers.docker_event import DockerEvent
from tests.unit.collector.sources.devices import END, Engine
from tests.unit.collector.sources.docker.readings import BOOT, NOW_NS, SECOND, A, B, has, one, read, source, until


@pytest.mark.parametrize("ending", [END, SourceError("reset")], ids=["closed", "broken"])
async def test_the_end_of_the_stream_reports_the_engine_as_down(ending: SourceError | None) -> None:
    """
    A stream that ends gives the fact that the engine is down, then an error for the supervisor; nothing stays open.
    """
    engine = Engine()
    async with aclosing(source(engine).readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        engine.live.put(ending)
        facts, _ = await until(readings, has(DockerDaemonFact))
        assert one(facts, DockerDaemonFact).up is False
        with pytest.raises(SourceError):
            await anext(readings)
    assert (engine.open_streams, engine.open_clients) == (0, 0)


async def test_a_missing_engine_is_reported_as_missing() -> None:
    """
    The real client raises SourceMissingError if nobody listens at the socket.
    """
    made = DockerSource(DockerConfig(url=f"unix://{Path(__file__).parent}/none.sock"), BOOT)
    with pytest.raises(SourceMissingError, match=r"no Docker Engine answers at unix:.*none\.sock"):
        await read(made, has(DockerDaemonFact))


async def test_an_answered_ping_gives_a_watermark_after_the_events() -> None:
    """
    On request the engine is pinged; the watermark is the time of the ping, and comes after the events before it.
    """
    engine = Engine()
    made = source(engine)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        made.request_watermark()  # nothing is followed yet, so nothing is asked
        engine.emit("die", A, NOW_NS)
        await until(readings, has(DockerEvent))
        engine.emit("die", B, NOW_NS)
        made.request_watermark()
        facts, _ = await until(readings, has(WatermarkFact))
    kinds = [type(fact) for fact in facts]
    assert kinds.index(DockerEvent) < kinds.index(WatermarkFact)
    assert one(facts, WatermarkFact) == WatermarkFact(source="docker", read_until_ns=NOW_NS)


async def test_an_engine_that_does_not_answer_gives_no_watermark() -> None:
    """
    Without an answer nobody knows whether the engine has sent all events.
    """
    engine = Engine()
    engine.answers_pings = False
    made = source(engine)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        engine.emit("die", A, NOW_NS)
        await until(readings, has(DockerEvent))
        made.request_watermark()
        engine.emit("die", B, NOW_NS)
        facts, _ = await until(readings, has(ContainerGoneFact, 2))
    assert not has(WatermarkFact)(facts)


async def test_unread_events_hold_the_watermark_back() -> None:
    """
    A ping that is answered while the reading thread still has events to read gives no watermark yet.
    """
    engine = Engine()
    made = source(engine)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        engine.emit("die", A, NOW_NS)
        await until(readings, has(DockerEvent))
        assert made._ping is not None
        pump = made._ping._pump
        unread = [True, True]
        pump.has_unread = lambda: bool(unread and unread.pop())  # type: ignore[method-assign]
        made.request_watermark()
        await until(readings, has(WatermarkFact))
    assert not unread


async def test_a_stream_that_is_never_read_to_its_end_gives_watermarks_too() -> None:
    """
    While events come faster than they are read, the last one that was read says how far: else no verdict would come.
    """
    engine = Engine()
    made = source(engine)
    async with aclosing(made.readings(None)) as readings:
        await until(readings, has(DockerDaemonFact))
        engine.emit("die", B, NOW_NS - 2 * SECOND)
        await until(readings, has(DockerEvent))
        assert made._ping is not None
        made._ping._pump.has_unread = lambda: True  # type: ignore[method-assign]
        engine.emit("die", A, NOW_NS - SECOND)
        facts, _ = await until(readings, has(WatermarkFact))
        engine.emit("die", B, NOW_NS + 3600 * SECOND)
        forged, _ = await until(readings, has(WatermarkFact))
    assert NOW_NS - 2 * SECOND < one(facts, WatermarkFact).read_until_ns < NOW_NS - SECOND
    assert one(forged, WatermarkFact).read_until_ns < NOW_NS
