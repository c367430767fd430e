"""
Calls that may block, beside the loop, in threads that never keep the program from ending.

An executor's threads are waited for at the program's end; a call to an engine that hangs would hold it for a minute.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def in_thread(
    function: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
) -> "asyncio.Future[_Result]":
    """
    Call a function in a thread of its own; the future gives its result or its exception, to nobody if nobody waits.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Result] = loop.create_future()
    future.add_done_callback(_seen)

    def settle(result: _Result | None, error: BaseException | None) -> None:
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
            result = function(*args, **kwargs)
        except BaseException as caught:  # noqa: BLE001 (it belongs to whoever waits)
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name=getattr(function, "__name__", "call"), daemon=True).start()
    return future


def _seen(future: "asyncio.Future[_Result]") -> None:
    """
    Look at the error: asyncio logs one that nobody has seen, also when whoever asked has ended since.
    """
    if not future.cancelled():
        future.exception()
