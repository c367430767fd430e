"""
The one thread that owns the database connection: SQLite calls block, and they must not block the event loop.
"""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from collector.store.database import Database


class HasThread(Protocol):
    """
    An object whose methods run on the store's thread.
    """

    _database: Database
    _thread: ThreadPoolExecutor


_Owner = TypeVar("_Owner", bound=HasThread)
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def on_store_thread(
    method: Callable[Concatenate[_Owner, _Arguments], _Result],
) -> Callable[Concatenate[_Owner, _Arguments], Coroutine[Any, Any, _Result]]:
    """
    Make a synchronous method awaitable: it runs on the store's thread, and errors of SQLite become errors of the store.

    If the caller is cancelled, the method still runs to its end, or does not begin.
    """

    @functools.wraps(method)
    async def awaitable(self: _Owner, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        def guarded() -> _Result:
            with self._database.guarded():
                return method(self, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    return awaitable
