"""
Waits until everything that has happened to a container by now is in the store, or until the time is up.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from collector.correlate.standing import Question, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """
    How far the agent got with a question.

    Attributes:
        asked_ns: the moment of the question, wall clock.
        standing: as it was when the wait ended; nothing is awaited if it is settled.
    """

    asked_ns: int
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Open:
    """
    A question that waits.
    """

    question: Question
    asked_ns: int
    standing: "asyncio.Future[Standing]"


class Questions:
    """
    The questions that wait for their answers.

    Args:
        standing: returns how far the agent is with a container at a moment.
        request: asks the sources how far they have been read.
        wall_ns: the wall clock.
    """

    def __init__(
        self,
        standing: Callable[[Question, int], Standing],
        request: Callable[[], None],
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._standing = standing
        self._request = request
        self._wall_ns = wall_ns
        self._open: list[_Open] = []

    @property
    def is_any_open(self) -> bool:
        """
        Whether a question waits for sources to be read.
        """
        return bool(self._open)

    def note_turn(self) -> None:
        """
        Answer the questions of which nothing is awaited any more. Call it when what was decided has just been stored.
        """
        for one in list(self._open):
            standing = self._standing(one.question, one.asked_ns)
            if not standing.awaited:
                self._open.remove(one)
                if not one.standing.done():
                    one.standing.set_result(standing)

    async def settle(self, question: Question, wait_s: float) -> Settled:
        """
        Wait until everything that happened before now is known and stored.

        Args:
            question: the container.
            wait_s: how long to wait at most.
        """
        asked_ns = self._wall_ns()
        standing = self._standing(question, asked_ns)
        if standing.awaited:
            standing = await self._awaited(question, asked_ns, wait_s)
        return Settled(asked_ns=asked_ns, standing=standing)

    async def _awaited(self, question: Question, asked_ns: int, wait_s: float) -> Standing:
        one = _Open(question=question, asked_ns=asked_ns, standing=asyncio.get_running_loop().create_future())
        self._open.append(one)
        self._request()
        try:
            async with asyncio.timeout(wait_s):
                return await one.standing
        except TimeoutError:
            return self._standing(question, asked_ns)
        finally:
            if one in self._open:
                self._open.remove(one)
