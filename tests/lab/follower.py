"""
Runs a single source during a test, in a thread with its own loop, and collects its facts.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Final, Self

from collector.config.sources import ProcessesConfig
from collector.facts.observed import Fact, GapFact, ProcessExitedFact
from collector.host.clock import BootClock
from collector.sources.base import Source
from collector.sources.processes.source import ProcessesSource
from tests.lab.waiting import wait_until

_TIMEOUT_S: Final = 20.0


class Following:
    """
    Follows a source inside a `with` block.

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
        wait_until(lambda: self._readings, _TIMEOUT_S, "the source follows")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def gaps(self) -> list[GapFact]:
        """
        Return the gaps that the source has reported.
        """
        return [fact for fact in self._facts if isinstance(fact, GapFact)]

    def facts(self) -> list[Fact]:
        """
        Return all facts so far.
        """
        return list(self._facts)

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """
        Wait until a condition on the facts is true.
        """
        wait_until(condition, _TIMEOUT_S, what)

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
    Follows the exits of processes.

    Args:
        receive_buffer_bytes: the receive buffer of the source.
    """

    def __init__(self, receive_buffer_bytes: int = 4 << 20) -> None:
        super().__init__(ProcessesSource(ProcessesConfig(receive_buffer_bytes=receive_buffer_bytes), BootClock()))

    def ends(self, container_id: str) -> list[ProcessExitedFact]:
        """
        Return the exits of a container's processes so far, without those of runc that started it.
        """
        exits = [fact for fact in self._facts if isinstance(fact, ProcessExitedFact)]
        return [
            fact for fact in exits if fact.container.id == container_id and not (fact.comm or "").startswith("runc")
        ]

    def all_ends(self) -> list[ProcessExitedFact]:
        """
        Return the exits of the processes of all containers so far.
        """
        return [fact for fact in self._facts if isinstance(fact, ProcessExitedFact)]

    def while_deaf(self, action: Callable[[], object]) -> None:
        """
        Run an action while the source cannot read.
        """
        done = threading.Event()

        def act() -> None:
            try:
                action()
            finally:
                done.set()

        self._loop.call_soon_threadsafe(act)
        assert done.wait(_TIMEOUT_S)
