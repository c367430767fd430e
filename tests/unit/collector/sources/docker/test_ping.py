"""
What pings say about an engine: how far its events were read, and whether it is alive.
"""

import asyncio
from typing import Any

import pytest

from collector.host.threads import Threads
from collector.sources.base import SourceError
from collector.sources.docker.ping import StreamPing

S = 1_000_000_000


class Client:
    """
    Answers pings as scripted: True is the engine, False something before it, None nobody.
    """

    def __init__(self) -> None:
        self.answers: list[bool | None] = []
        self.pings = 0

    def ping(self) -> bool:
        self.pings += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            raise SourceError("no answer")
        return answer


class Pump:
    """
    Reads nothing; is woken by answers.
    """

    def __init__(self) -> None:
        self.woken = asyncio.Event()

    def has_unread(self) -> bool:
        return False

    def wake(self) -> None:
        self.woken.set()


class Scene:
    """
    A ping with a clock that the test sets.
    """

    def __init__(self, *answers: bool | None) -> None:
        self.now_ns = 100 * S
        self.client, self.pump = Client(), Pump()
        self.client.answers = list(answers)
        client: Any = self.client
        pump: Any = self.pump
        self.ping = StreamPing(client, Threads(1), pump, wall_ns=lambda: 7, monotonic_ns=lambda: self.now_ns)

    async def after(self, seconds: float) -> int:
        """
        Let time pass, and the answer arrive if a ping is sent. Return how many watermarks there are.
        """
        self.now_ns += round(seconds * S)
        before = self.client.pings
        found = len(self.ping.watermarks())
        if self.client.pings > before or self.ping._is_pending:
            await asyncio.wait_for(self.pump.woken.wait(), 10)
            self.pump.woken.clear()
        return found + len(self.ping.watermarks())


async def test_an_idle_engine_is_pinged_every_few_seconds() -> None:
    """
    Nobody has to ask for a watermark: silence of the stream alone does not show that an engine hangs.
    """
    scene = Scene(True, True)
    assert [await scene.after(4), await scene.after(1), await scene.after(1), await scene.after(5)] == [0, 1, 0, 1]
    assert scene.client.pings == 2


async def test_a_fast_engine_may_be_pinged_every_few_milliseconds() -> None:
    """
    A death waits for the answer, and the engine is pinged no more often than that.
    """
    scene = Scene(True, True)
    scene.ping.request()
    assert await scene.after(0.001) == 1
    scene.ping.request()
    assert (await scene.after(0.005), scene.client.pings) == (0, 1)
    assert (await scene.after(0.015), scene.client.pings) == (1, 2)


async def test_a_slow_engine_is_pinged_less() -> None:
    """
    Pings take at most a tenth of the time, and there are at least four in a second.
    """
    scene = Scene(True, True)
    scene.ping.request()
    scene.now_ns += round(0.02 * S)
    await scene.pump.woken.wait()
    scene.ping.request()
    scene.pump.woken.clear()
    assert (await scene.after(0.1), scene.client.pings) == (1, 1)
    assert (await scene.after(0.08), scene.client.pings) == (1, 2)


async def test_an_engine_that_answers_no_ping_is_lost() -> None:
    """
    After two failures and some seconds the engine counts as down.
    """
    scene = Scene(None, None)
    await scene.after(5)
    scene.ping.check()
    await scene.after(10)
    scene.ping.check()
    await scene.after(5)
    with pytest.raises(SourceError):
        scene.ping.check()


async def test_an_answer_clears_earlier_failures() -> None:
    """
    Only failures without an answer between them count.
    """
    scene = Scene(None, True, None)
    for seconds in (5, 10, 10, 10):
        await scene.after(seconds)
        scene.ping.check()


async def test_an_agent_that_sleeps_does_not_lose_the_engine() -> None:
    """
    Time in which no ping was sent proves nothing about the engine.
    """
    scene = Scene(None, True)
    await scene.after(5)
    scene.now_ns += 3600 * S
    scene.ping.check()


async def test_a_proxy_that_answers_gives_no_watermark() -> None:
    """
    Something answers, so the engine is not lost; but nobody knows whether its events have arrived.
    """
    scene = Scene(False, False, False)
    assert [await scene.after(10) for _ in range(3)] == [0, 0, 0]
    scene.ping.check()
