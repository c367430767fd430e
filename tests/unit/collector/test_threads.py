"""
Calls beside the loop.
"""

import asyncio
import gc
import threading
from typing import Any

import pytest

from collector.threads import in_thread


def fail() -> None:
    raise OSError("no")


async def test_the_result_comes_back() -> None:
    """
    With the arguments that the call had.
    """
    assert await in_thread(divmod, 7, 2) == (3, 1)


async def test_the_error_comes_back() -> None:
    """
    As if the call had been made here.
    """
    with pytest.raises(OSError, match="no"):
        await in_thread(fail)


async def test_an_error_that_nobody_waits_for_is_not_logged() -> None:
    """
    Whoever asked has ended, as when the agent is stopped while an engine does not answer.
    """
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    done = asyncio.Event()
    future = in_thread(fail)
    future.add_done_callback(lambda _: done.set())
    await done.wait()
    del future
    gc.collect()
    assert told == []


async def test_a_call_that_hangs_holds_nothing_up() -> None:
    """
    Its thread does not keep the program from ending; the one who waits may give up.
    """
    release = threading.Event()
    future = in_thread(release.wait)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await future
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "wait")
    release.set()
