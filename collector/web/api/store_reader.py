"""
Reads the store for the API in threads of its own, so that a slow disk holds up neither the agent nor other requests.

It never writes. Each question opens the store anew (`collector.store.history` says why).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from collector.store import History

_THREADS: Final = 2
_Answer = TypeVar("_Answer")


class StoreReader:
    """
    Reads one store.

    Args:
        path: the database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(_THREADS, "api")

    async def read(self, ask: Callable[[History], _Answer]) -> _Answer:
        """
        Return what a function returns that is called with the open store, in a thread.

        Raises:
            StoreError: the store cannot be read.
        """

        def answer() -> _Answer:
            with History(self._path) as past:
                return ask(past)

        return await asyncio.get_running_loop().run_in_executor(self._threads, answer)

    def close(self) -> None:
        """
        Stop the threads once their current questions are answered; others are not answered any more.
        """
        self._threads.shutdown(wait=False, cancel_futures=True)
