"""
Runs one source for ever: its readings go to the intake, and after an error it restarts from its last position.

The wait grows with each failure, up to a limit, with jitter; it is short again once the source has stayed up for a
minute. The absence of an optional source is not a warning.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from collector.facts.observed import GapFact
from collector.facts.watermark import WatermarkFact
from collector.host.drain import Drain
from collector.host.fault_log import FaultLog
from collector.sources import SOON_READ
from collector.sources.base import (
    BufferedSource,
    Position,
    Reading,
    SheddingSource,
    Source,
    SourceError,
    SourceMissingError,
)
from sinks.event import GapKind

# Bounds of the back-off. It starts short, because evidence may be lost while a source is down.
_FIRST_WAIT_S: Final = 0.25
_LONGEST_WAIT_S: Final = 15.0
# A source that stays up for as long works: the next wait is short again.
_STEADY_S: Final = 60.0
# 0.25 s * 2**16 is beyond the longest wait by far; the limit keeps the power small.
_MAX_DOUBLINGS: Final = 16
_LOG: Final = logging.getLogger(__name__)

# Takes the name of a source and a reading; may block.
Emit = Callable[[str, Reading], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class SourceState:
    """
    Whether a source is up.

    Attributes:
        name: of the source.
        required: the configuration says `enabled = true`.
        up: it is being read.
        was_up: it has been up at least once.
        tried: it has been up or has failed at least once.
        why: the error while it is down.
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
        Whether it should be up and is not: it is required, or it has been up before.
        """
        return not self.up and self.tried and (self.required or self.was_up)


class Supervisor:
    """
    Keeps one source running.

    Args:
        source: the source.
        required: whether its absence is worth a warning.
        emit: takes each reading; blocks while the agent is behind.
        wall_ns: the wall clock.
        monotonic_s: CLOCK_MONOTONIC.
        rng: for jitter.

    Attributes:
        state: whether the source is up.
        tried: set when the source has been up or has failed for the first time.
    """

    def __init__(
        self,
        source: Source,
        *,
        required: bool,
        emit: Emit,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_s: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self.state = SourceState(name=source.name, required=required)
        self.tried = asyncio.Event()
        self._source = source
        self._fields = {"source": source.name}
        self._emit = emit
        self._wall_ns = wall_ns
        self._monotonic_s = monotonic_s
        self._faults = FaultLog(_LOG)
        self._rng = rng or random.Random()  # noqa: S311 (jitter, not a secret)

    @property
    def records(self) -> int:
        """
        The number of records read so far.
        """
        return self._source.records

    @property
    def garbage(self) -> int:
        """
        The number of records that could not be parsed.
        """
        return self._source.garbage

    @property
    def drain(self) -> Drain | None:
        """
        What the source has copied and not processed yet; None if it has no such buffer, or is down.
        """
        return self._source.drain if isinstance(self._source, BufferedSource) else None

    def set_behind(self, *, is_behind: bool) -> None:
        """
        Have the source do less while the agent is behind, if it can.
        """
        if isinstance(self._source, SheddingSource):
            self._source.is_behind = is_behind

    def request_watermark(self) -> None:
        """
        Ask the source how far it has been read, if it is up.
        """
        if self.state.up:
            self._source.request_watermark()

    async def run(self, position: Position | None) -> None:
        """
        Read until cancelled.

        Args:
            position: where to start; None if the source has never been read.
        """
        failures = 0
        while True:
            began_s = self._monotonic_s()
            try:
                async for reading in self._source.readings(position):
                    position = reading.position
                    await self._mark_up(position)
                    await self._emit(self._source.name, reading)
                why: SourceError = SourceError("the input ended")
            except SourceError as error:
                why = error
            except Exception as error:  # noqa: BLE001 (an error in one source must not stop the others)
                self._faults.log(f"source {self._source.name}: unexpected error", error, self._fields)
                why = SourceError(f"internal error: {type(error).__name__}")
            await self._mark_down(why, position)
            failures = 1 if self._monotonic_s() - began_s >= _STEADY_S else failures + 1
            await asyncio.sleep(self._wait_s(failures))

    async def _mark_up(self, position: Position) -> None:
        if not self.state.up:
            self.state.up, self.state.was_up, self.state.tried, self.state.why = True, True, True, None
            await self._emit_state(GapKind.SOURCE_UP, f"The source {self.state.name} is read.", position)
            if self.state.name in SOON_READ:
                fact = WatermarkFact(source=self.state.name, read_until_ns=0)
                await self._emit(self._source.name, Reading(facts=(fact,), position=position))
        self.tried.set()

    async def _mark_down(self, error: SourceError, position: Position | None) -> None:
        missing = isinstance(error, SourceMissingError) and not self.state.required
        if self.state.why != error.why:
            level = logging.INFO if missing and not self.state.up else logging.WARNING
            _LOG.log(level, "source %s is down: %s", self.state.name, error, extra=self._fields)
        if self.state.up or (self.state.required and not self.state.tried):
            await self._emit_state(GapKind.SOURCE_DOWN, f"The source {self.state.name} is down: {error.why}.", position)
        self.state.up, self.state.tried, self.state.why = False, True, error.why
        self.tried.set()

    async def _emit_state(self, what: GapKind, text: str, position: Position | None) -> None:
        """
        Emit a `GapFact` about the source itself, with the position of the last reading: it does not advance.
        """
        fact = GapFact(source=self.state.name, what=what, at_ns=self._wall_ns(), text=text)
        await self._emit(self._source.name, Reading(facts=(fact,), position=position or {}))

    def _wait_s(self, failures: int) -> float:
        longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(failures - 1, _MAX_DOUBLINGS))
        return self._rng.uniform(longest / 2, longest)
