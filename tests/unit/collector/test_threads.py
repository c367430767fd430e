"""
Calls that may block, in threads that never keep the program from ending.
"""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from collector.threads import in_thread

ROOT = Path(__file__).parents[3]


async def test_the_result_comes_back_to_the_loop() -> None:
    """
    The call itself runs elsewhere.
    """
    assert await in_thread(lambda: threading.current_thread() is not threading.main_thread())


async def test_an_exception_belongs_to_whoever_waits() -> None:
    """
    One that only ends threads as well.
    """
    with pytest.raises(ValueError, match="bad"):
        await in_thread(int, "bad")
    with pytest.raises(SystemExit):
        await in_thread(sys.exit, 3)


async def test_the_loop_goes_on_meanwhile() -> None:
    """
    A call that hangs holds up nobody.
    """
    release = threading.Event()
    call = in_thread(release.wait)
    await asyncio.sleep(0)
    assert not call.done()
    release.set()
    assert await call


async def test_a_call_that_nobody_waits_for_any_more_is_let_go() -> None:
    """
    Its result has nowhere to go.
    """
    release = threading.Event()
    call = in_thread(release.wait)
    call.cancel()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await in_thread(int, "7") == 7


def test_a_call_that_hangs_does_not_hold_the_program() -> None:
    """
    The threads of an executor would be waited for.
    """
    program = (
        "import asyncio, threading\n"
        "from collector.threads import in_thread\n"
        "async def main():\n"
        "    in_thread(threading.Event().wait)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT)}, timeout=20, check=False)
    assert done.returncode == 0
