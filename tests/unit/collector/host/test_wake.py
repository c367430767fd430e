"""
Tests of a wait that another thread ends.
"""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from collector.host.wake import Wake

LONG_S = 10.0


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """
    An empty pipe: the end to read from, and the end to write to.
    """
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def waited_s(wake: Wake, fd: int, timeout_s: float = LONG_S) -> float:
    """
    Return how long a wait took.
    """
    began_s = time.monotonic()
    wake.wait(timeout_s, fd)
    return time.monotonic() - began_s


def test_another_thread_ends_the_wait(pipe: tuple[int, int]) -> None:
    """
    It ends at once.
    """
    with Wake() as wake:
        threading.Timer(0.01, wake.set).start()
        assert waited_s(wake, pipe[0]) < LONG_S


def test_the_other_descriptor_ends_the_wait(pipe: tuple[int, int]) -> None:
    """
    As a poll would.
    """
    os.write(pipe[1], b"x")
    with Wake() as wake:
        assert waited_s(wake, pipe[0]) < LONG_S


def test_a_wake_up_before_the_wait_ends_one_wait(pipe: tuple[int, int]) -> None:
    """
    It is not lost, and two of them count as one.
    """
    with Wake() as wake:
        wake.set()
        wake.set()
        assert waited_s(wake, pipe[0]) < LONG_S
        assert waited_s(wake, pipe[0], 0.02) >= 0.02


def test_nothing_is_woken_after_the_end(pipe: tuple[int, int]) -> None:
    """
    The thread that waited may be gone before the others know, and its descriptor may be another file's.
    """
    with Wake() as wake:
        pass
    reader, writer = os.pipe()  # gets the number that was freed
    wake.set()
    os.set_blocking(reader, False)
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    for end in (reader, writer):
        os.close(end)
