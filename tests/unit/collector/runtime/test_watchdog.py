"""
When the agent reports to the watchdog.
"""

import asyncio
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.metrics import Metrics
from collector.runtime.sd_notify import SdNotifier
from collector.runtime.watchdog import Watchdog


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


async def reports(listener: socket.socket, count: int) -> None:
    for _ in range(count):
        assert await asyncio.get_running_loop().sock_recv(listener, 100) == b"WATCHDOG=1"


async def test_reports_are_sent_several_times_within_the_timeout(listener: socket.socket) -> None:
    """
    One late report does not restart the agent.
    """
    watchdog = Watchdog(SdNotifier(listener.getsockname(), watchdog_s=0.3), Metrics(), lambda: None)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watchdog.run())
        await reports(listener, 2)  # the first wait ends with those of other tasks
        began = asyncio.get_running_loop().time()
        await reports(listener, 3)
        assert asyncio.get_running_loop().time() - began >= 0.3 * 0.9
        task.cancel()


async def test_nothing_is_reported_during_a_stall(listener: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    """
    The reason of a stall is logged once. The agent lives on if it recovers within the watchdog's timeout.
    """
    reasons: list[str | None] = [None, "stuck", "stuck", None]
    asked = asyncio.Event()

    def stall_reason() -> str | None:
        if len(reasons) == 1:
            asked.set()
        return reasons.pop(0) if len(reasons) > 1 else reasons[0]

    watchdog = Watchdog(SdNotifier(listener.getsockname(), watchdog_s=0.03), Metrics(), stall_reason)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watchdog.run())
        await asked.wait()
        task.cancel()
    await reports(listener, 1)
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "the agent stalled, not reporting to the watchdog: stuck"
    ]


async def test_the_delay_of_the_event_loop_is_measured(listener: socket.socket) -> None:
    """
    The metric shows how long something blocked the event loop.
    """
    metrics = Metrics()
    now_ns = iter(range(0, 10**12, 3 * 10**9))
    notifier = SdNotifier(listener.getsockname(), watchdog_s=0.03)
    watchdog = Watchdog(notifier, metrics, lambda: None, clock_ns=lambda: next(now_ns))
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watchdog.run())
        await reports(listener, 2)
        task.cancel()
    assert metrics.value("exit137_loop_lag_seconds") == pytest.approx(2.99)
