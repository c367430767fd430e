"""
Tests of blocking calls in threads.
"""

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from collector.host.threads import Threads, in_thread

ROOT = Path(__file__).parents[3]


async def test_the_result_comes_back_to_the_loop() -> None:
    """
    The call runs in another thread, and its result arrives in the loop.
    """
    assert await in_thread(lambda: threading.current_thread() is not threading.main_thread())


async def test_an_exception_is_raised_where_the_future_is_awaited() -> None:
    """
    Every exception, even one that would end a thread silently, is raised where the future is awaited.
    """
    with pytest.raises(ValueError, match="bad"):
        await in_thread(int, "bad")
    with pytest.raises(SystemExit):
        await in_thread(sys.exit, 3)


async def test_the_loop_continues_during_a_call() -> None:
    """
    A call that hangs does not block the loop.
    """
    release = threading.Event()
    call = in_thread(release.wait)
    await asyncio.sleep(0)
    assert not call.done()
    release.set()
    assert await call


async def test_the_result_of_a_cancelled_call_is_dropped() -> None:
    """
    The result of a call whose future was cancelled is dropped.
    """
    release = threading.Event()
    call = in_thread(release.wait)
    call.cancel()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await in_thread(int, "7") == 7


def test_a_call_that_hangs_does_not_delay_the_exit() -> None:
    """
    The program exits although a call hangs; the threads of an executor would be joined.
    """
    program = (
        "import asyncio, threading\n"
        "from collector.host.threads import in_thread\n"
        "async def main():\n"
        "    in_thread(threading.Event().wait)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT)}, timeout=20, check=False)
    assert done.returncode == 0


def fail() -> None:
    raise OSError("no")


async def test_an_error_that_nobody_waits_for_is_not_logged() -> None:
    """
    The error of a call whose caller has ended is not logged, for example when the agent stops.
    """
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    done = asyncio.Event()
    future = in_thread(fail)
    future.add_done_callback(lambda _: done.set())
    await done.wait()
    del future
    gc.collect()
    assert reported == []


async def test_calls_one_after_the_other_share_a_thread() -> None:
    """
    A thread that has nothing to do takes the next call.
    """
    threads = Threads(kept=1)
    assert await threads.call(threading.get_ident) == await threads.call(threading.get_ident)


async def test_a_call_does_not_wait_for_one_that_hangs() -> None:
    """
    A call gets a thread of its own while the others are busy.
    """
    threads, release = Threads(kept=1), threading.Event()
    hanging = threads.call(release.wait)
    assert await threads.call(int, "7") == 7
    assert not hanging.done()
    release.set()
    assert await hanging


async def test_no_more_threads_stay_than_are_kept() -> None:
    """
    After many calls at once the threads beyond the limit end; the rest end with `end_idle`.
    """
    threads, all_busy = Threads(kept=2), threading.Barrier(5)
    calls = [threads.call(_own_thread, all_busy) for _ in range(5)]
    workers = [await call for call in calls]
    assert await _becomes(lambda: sum(worker.is_alive() for worker in workers) == 2)
    threads.end_idle()
    assert await _becomes(lambda: not any(worker.is_alive() for worker in workers))


def _own_thread(all_busy: threading.Barrier) -> threading.Thread:
    all_busy.wait()  # without the wait, one thread could take two calls
    return threading.current_thread()


async def _becomes(holds: Callable[[], bool]) -> bool:
    """
    Return whether something holds within ten seconds.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110 (a thread's end wakes nobody)
                await asyncio.sleep(0.001)
    return holds()
