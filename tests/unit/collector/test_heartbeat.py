"""
When the watchdog is fed.
"""

import asyncio
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.heartbeat import Heartbeat
from collector.metrics import Metrics
from collector.notify import Notifier


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


async def beats(listener: socket.socket, count: int) -> None:
    for _ in range(count):
        assert await asyncio.get_running_loop().sock_recv(listener, 100) == b"WATCHDOG=1"


async def test_it_is_fed_several_times_in_its_time(listener: socket.socket) -> None:
    """
    One late beat must not end the agent.
    """
    heart = Heartbeat(Notifier(listener.getsockname(), watchdog_s=0.3), Metrics(), lambda: None)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(heart.run())
        began = asyncio.get_running_loop().time()
        await beats(listener, 4)
        assert asyncio.get_running_loop().time() - began >= 0.3 * 0.9
        task.cancel()


async def test_it_is_not_fed_while_the_agent_does_not_work(
    listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The reason is told once; a recovery is in time if it comes before the watchdog's.
    """
    ills: list[str | None] = [None, "stuck", "stuck", None]
    looked = asyncio.Event()

    def ailment() -> str | None:
        if len(ills) == 1:
            looked.set()
        return ills.pop(0) if len(ills) > 1 else ills[0]

    heart = Heartbeat(Notifier(listener.getsockname(), watchdog_s=0.03), Metrics(), ailment)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(heart.run())
        await looked.wait()
        task.cancel()
    await beats(listener, 1)
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "the watchdog is not fed: stuck"
    ]


async def test_the_lag_of_the_loop_is_kept(listener: socket.socket) -> None:
    """
    What blocks the loop shows.
    """
    metrics = Metrics()
    now_ns = iter(range(0, 10**12, 3 * 10**9))
    notifier = Notifier(listener.getsockname(), watchdog_s=0.03)
    heart = Heartbeat(notifier, metrics, lambda: None, clock_ns=lambda: next(now_ns))
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(heart.run())
        await beats(listener, 2)
        task.cancel()
    assert metrics.value("exit137_loop_lag_seconds") == pytest.approx(2.99)
