"""
Runs blocking calls in threads that never keep the program from exiting.

An executor joins its threads at exit: a call to a Docker Engine that hangs would delay the exit by a minute.
"""

import asyncio
import contextlib
import errno
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Threads:
    """
    Keeps daemon threads for blocking calls: a new thread for each call would cost more than most calls.

    A call never waits for another one: a thread is added when all are busy. Use it in the thread of one loop.

    Args:
        kept: how many threads stay when they have nothing to do.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._idle = 0
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def call(
        self, function: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> "asyncio.Future[_Result]":
        """
        Call a function in a thread.

        Returns:
            A future with the result or the exception; if nobody awaits the future, both are dropped silently.

        Raises:
            OSError: the system allows no further thread.
        """
        if self._idle:
            self._idle -= 1
        else:
            _start(self._work)
        future, work = _call(partial(function, *args, **kwargs), self._ended)
        self._calls.put(work)
        return future

    def end_idle(self) -> None:
        """
        End the threads that have nothing to do.
        """
        self._end_idle(0)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()

    def _ended(self) -> None:
        self._idle += 1
        self._end_idle(self._kept)

    def _end_idle(self, kept: int) -> None:
        while self._idle > kept:
            self._idle -= 1
            self._calls.put(None)


def in_thread(
    function: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
) -> "asyncio.Future[_Result]":
    """
    Call a function in a new daemon thread; result and errors are those of `Threads.call`.
    """
    future, work = _call(partial(function, *args, **kwargs), lambda: None)
    _start(work)
    return future


def _call(
    function: Callable[[], _Result], ended: Callable[[], None]
) -> "tuple[asyncio.Future[_Result], Callable[[], None]]":
    """
    Return a future, and what a thread has to run for it; `ended` is called in the loop when the thread is done with it.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Result] = loop.create_future()
    future.add_done_callback(_retrieve_exception)

    def resolve(result: _Result | None, error: BaseException | None) -> None:
        ended()
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

    def work() -> None:
        result: _Result | None = None
        error: BaseException | None = None
        try:
            result = function()
        except BaseException as caught:  # noqa: BLE001 (whoever awaits the future handles it)
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(resolve, result, error)

    return future, work


def _start(work: Callable[[], None]) -> None:
    try:
        threading.Thread(target=work, daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, "cannot start a thread", "thread") from error


def _retrieve_exception(future: "asyncio.Future[_Result]") -> None:
    """
    Mark the exception as retrieved: asyncio would log it if the caller has been cancelled in the meantime.
    """
    if not future.cancelled():
        future.exception()
