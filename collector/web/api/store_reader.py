"""
Reads the store for the API in threads of its own, so that a slow disk holds up neither the agent nor other requests.

Each question opens the store anew (`collector.store.history` says why).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Final, TypeVar

from collector.store import PastEvents

_THREADS: Final = 2
_Answer = TypeVar("_Answer")


class StoreReader:
    """
    Reads one store.

    Args:
        past: opens the store for one reading.
    """

    def __init__(self, past: Callable[[], AbstractContextManager[PastEvents]]) -> None:
        self._past = past
        self._threads = ThreadPoolExecutor(_THREADS, "api")

    async def read(self, ask: Callable[[PastEvents], _Answer]) -> _Answer:
        """
        Return what a function returns that is called with the open store, in a thread.

        Raises:
            StoreError: the store cannot be read.
        """

        def answer() -> _Answer:
            with self._past() as past:
                return ask(past)

        return await asyncio.get_running_loop().run_in_executor(self._threads, answer)

    def close(self) -> None:
        """
        Stop the threads once their current questions are answered; others are not answered any more.
        """
        self._threads.shutdown(wait=False, cancel_futures=True)
