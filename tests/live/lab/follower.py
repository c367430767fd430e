"""
A source that runs beside a test, in a thread with a loop of its own, and what it tells.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Final, Self

from collector.correlate.facts import Fact, GapFact, ProcessExited
from collector.hostclock import BootClock
from collector.sources.base import Source
from collector.sources.processes import ProcessesSource
from collector.sources.settings import ProcessesConfig
from tests.live.lab.waiting import wait_until

_PATIENCE_S: Final = 20.0


class Following:
    """
    Follows a source from `with` on, to its end.

    Args:
        source: the source.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._facts: list[Fact] = []
        self._readings = 0
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="follower")

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self._readings, _PATIENCE_S, "the source follows")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def gaps(self) -> list[GapFact]:
        """
        What the source says it has lost.
        """
        return [fact for fact in self._facts if isinstance(fact, GapFact)]

    def facts(self) -> list[Fact]:
        """
        All that it has told so far.
        """
        return list(self._facts)

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """
        Wait until what was told makes a condition true.
        """
        wait_until(condition, _PATIENCE_S, what)

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._follow())
        self._loop.close()

    async def _follow(self) -> None:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self._read(), name="read")
            await self._stop.wait()
            reading.cancel()

    async def _read(self) -> None:
        async with aclosing(self._source.readings(None)) as readings:
            async for reading in readings:
                self._facts += reading.facts
                self._readings += 1


class Follower(Following):
    """
    Follows the ends of processes.

    Args:
        receive_buffer_bytes: of the source.
    """

    def __init__(self, receive_buffer_bytes: int = 4 << 20) -> None:
        super().__init__(ProcessesSource(ProcessesConfig(receive_buffer_bytes=receive_buffer_bytes), BootClock()))

    def ends(self, container_id: str) -> list[ProcessExited]:
        """
        The ends of a container's processes so far, without those that runc made to start it.
        """
        exits = [fact for fact in self._facts if isinstance(fact, ProcessExited)]
        return [
            fact for fact in exits if fact.container.id == container_id and not (fact.comm or "").startswith("runc")
        ]

    def all_ends(self) -> list[ProcessExited]:
        """
        The ends of all containers' processes so far.
        """
        return [fact for fact in self._facts if isinstance(fact, ProcessExited)]

    def while_deaf(self, action: Callable[[], object]) -> None:
        """
        Do something while the source cannot read.
        """
        done = threading.Event()

        def act() -> None:
            try:
                action()
            finally:
                done.set()

        self._loop.call_soon_threadsafe(act)
        assert done.wait(_PATIENCE_S)
