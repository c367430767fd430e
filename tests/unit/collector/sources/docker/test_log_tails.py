"""
The queue of log tails: each is read at once, and once more where its last lines may be late.
"""

import asyncio
from collections.abc import Iterator

import pytest

from collector.facts.observed import LogTailFact
from collector.host.threads import Threads
from collector.sources.docker.log_tails import LogTailQueue, LogTailRequest

LATE = b"panic: assignment to entry in nil map\n"


class Log:
    """
    A log whose later readings show more, or less.
    """

    def __init__(self, *readings: bytes) -> None:
        self._readings = iter(readings)
        self.times = 0

    def log_tail(self, container_id: str, lines: int, since_ns: int | None, until_ns: int | None) -> Iterator[bytes]:
        self.times += 1
        yield next(self._readings)


async def tails(log: Log, driver: str | None, *, times: int) -> list[LogTailFact]:
    """
    Return the log tails of a run that has ended, after so many readings.
    """
    news = asyncio.Event()
    queue = LogTailQueue(log, Threads(1), news.set, again_s=0)
    queue.ask(LogTailRequest(container_id="a", die_event_ns=5, began_ns=1, log_driver=driver))
    found: list[LogTailFact] = []
    for _ in range(times):
        async with asyncio.timeout(10):
            await news.wait()
        news.clear()
        found += queue.answers()
    await asyncio.sleep(0.01)
    return [*found, *queue.answers()]


@pytest.mark.parametrize("driver", ["journald", "fluentd", None])
async def test_a_line_that_comes_late(driver: str | None) -> None:
    """
    A driver that stores lines elsewhere may show the last one after the end.
    """
    found = await tails(Log(b"ready\n", b"ready\n" + LATE), driver, times=2)
    assert [fact.lines for fact in found] == [("ready",), ("ready", LATE.decode().strip())]


@pytest.mark.parametrize("second", [b"ready\n", b""])
async def test_nothing_new(second: bytes) -> None:
    """
    The same lines are no news, and a log that is gone does not take back what was read.
    """
    found = await tails(Log(b"ready\n", second), "journald", times=2)
    assert [fact.lines for fact in found] == [("ready",)]


async def test_a_file_is_read_once() -> None:
    """
    A file has everything when Docker says that the container ended.
    """
    log = Log(b"ready\n")
    assert len(await tails(log, "json-file", times=1)) == 1
    assert log.times == 1
