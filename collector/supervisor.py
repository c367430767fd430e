"""
Runs one source for ever: what it reads goes to the intake; when it fails, it starts again from where it was.

Waits longer after each failure, up to a limit, with jitter. A source that is not there at all is asked for quietly.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from collector.correlate.facts import GapFact
from collector.sources.base import Position, Reading, Source, SourceError, SourceMissingError

_FIRST_WAIT_S: Final = 0.25
_LONGEST_WAIT_S: Final = 15.0
_LOG: Final = logging.getLogger(__name__)

Emit = Callable[[str, Reading], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class SourceState:
    """
    How a source is.

    Attributes:
        required: somebody asked for it by name; it is missed when it is not there.
        was_up: it has been up at least once.
        tried: it has been up, or has failed, at least once.
        why: what is wrong while it is down.
    """

    name: str
    required: bool
    up: bool = False
    was_up: bool = False
    tried: bool = False
    why: str | None = None

    @property
    def missed(self) -> bool:
        """
        Whether it should be up and is not: it was asked for, or it has been up before.
        """
        return not self.up and self.tried and (self.required or self.was_up)


class Supervisor:
    """
    One source and its state.

    Args:
        source: what to run.
        required: whether its absence is worth a warning.
        emit: takes each reading; may block when the agent is behind.
        wall_ns: the wall clock.
        rng: for jitter.
    """

    def __init__(
        self,
        source: Source,
        *,
        required: bool,
        emit: Emit,
        wall_ns: Callable[[], int] = time.time_ns,
        rng: random.Random | None = None,
    ) -> None:
        self.state = SourceState(name=source.name, required=required)
        self.tried = asyncio.Event()
        self._source = source
        self._fields = {"source": source.name}
        self._emit = emit
        self._wall_ns = wall_ns
        self._rng = rng or random.Random()  # noqa: S311 (jitter, not a secret)

    @property
    def records(self) -> int:
        """
        How many records were read.
        """
        return self._source.records

    @property
    def garbage(self) -> int:
        """
        How many of them could not be understood.
        """
        return self._source.garbage

    async def run(self, position: Position | None) -> None:
        """
        Run until cancelled.
        """
        failures = 0
        while True:
            try:
                async for reading in self._source.readings(position):
                    position = reading.position
                    failures = 0
                    await self._up(position)
                    await self._emit(self._source.name, reading)
                why: SourceError = SourceError("the input ended")
            except SourceError as error:
                why = error
            except Exception as error:  # noqa: BLE001 (a fault in one source must not end the others)
                _LOG.exception("source %s failed in a way nobody foresaw", self._source.name, extra=self._fields)
                why = SourceError(f"internal error: {type(error).__name__}")
            await self._down(why, position)
            failures += 1
            await asyncio.sleep(self._wait_s(failures))

    async def _up(self, position: Position) -> None:
        if not self.state.up:
            self.state.up, self.state.was_up, self.state.tried, self.state.why = True, True, True, None
            await self._tell("source_up", f"The source {self.state.name} is read.", position)
        self.tried.set()

    async def _down(self, error: SourceError, position: Position | None) -> None:
        missing = isinstance(error, SourceMissingError) and not self.state.required
        if self.state.why != error.why:
            level = logging.INFO if missing and not self.state.up else logging.WARNING
            _LOG.log(level, "source %s is down: %s", self.state.name, error, extra=self._fields)
        if self.state.up or (self.state.required and not self.state.tried):
            await self._tell("source_down", f"The source {self.state.name} is down: {error.why}.", position)
        self.state.up, self.state.tried, self.state.why = False, True, error.why
        self.tried.set()

    async def _tell(self, what: str, text: str, position: Position | None) -> None:
        fact = GapFact(source=self.state.name, what=what, at_ns=self._wall_ns(), text=text)
        await self._emit(self._source.name, Reading(facts=(fact,), position=position or {}))

    def _wait_s(self, failures: int) -> float:
        longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(failures - 1, 16))
        return self._rng.uniform(longest / 2, longest)
