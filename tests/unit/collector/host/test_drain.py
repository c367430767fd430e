"""
Tests of copying an input into memory, over a pipe that keeps writes apart.
"""

import asyncio
import os
from collections.abc import Iterator

import pytest

from collector.host.drain import Drain


class Pipe:
    """
    A pipe that returns one write per read.
    """

    def __init__(self) -> None:
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_DIRECT)
        self.reads = 0

    def write(self, *items: bytes) -> None:
        for item in items:
            os.write(self._write, item)

    def read(self) -> bytes:
        self.reads += 1
        try:
            return os.read(self.fd, 4096)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._write)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """
    An empty pipe.
    """
    made = Pipe()
    yield made
    made.close()


async def turns(count: int = 3) -> None:
    """
    Let the loop turn.
    """
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_arrives_is_copied_while_the_consumer_is_busy(pipe: Pipe) -> None:
    """
    The copy needs only turns of the loop, not the consumer.
    """
    with Drain(pipe.fd, pipe.read) as drain:
        for item in (b"1", b"2", b"3"):
            pipe.write(item)
            await turns()
        assert drain.take(10) == [b"1", b"2", b"3"]


async def test_the_consumer_is_woken(pipe: Pipe) -> None:
    """
    A wait ends when there is something to take, when it is woken, and after its timeout.
    """
    with Drain(pipe.fd, pipe.read) as drain:
        assert not await drain.wait(0.001)
        asyncio.get_running_loop().call_later(0.001, pipe.write, b"1")
        assert await drain.wait(5)
        assert drain.take(10) == [b"1"]
        asyncio.get_running_loop().call_later(0.001, drain.wake)
        assert await drain.wait(5)
        assert drain.is_done


async def test_everything_is_copied_before_anything_is_taken(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    While the kernel still holds something, the consumer gets nothing to work on.
    """
    monkeypatch.setattr("collector.host.drain._READS_PER_TURN", 2)
    pipe.write(b"1", b"2", b"3")
    with Drain(pipe.fd, pipe.read) as drain:
        assert drain.take(10) == []
        assert not drain.is_done
        await turns()
        assert drain.take(2) == [b"1", b"2"]
        assert not drain.is_done
        assert drain.take(2) == [b"3"]
        assert drain.is_done


async def test_a_full_queue_stops_reading_and_counts_the_time(pipe: Pipe) -> None:
    """
    What does not fit stays in the kernel, and is copied when half of the queue has been taken.
    """
    pipe.write(*(b"x" * 59 for _ in range(12)))  # 100 bytes of memory each
    with Drain(pipe.fd, pipe.read, max_bytes=1000) as drain:
        assert (drain.size_bytes, drain.fill) == (1000, 1)
        reads = pipe.reads
        await asyncio.sleep(0.01)
        drain.read_now()
        assert pipe.reads == reads
        assert drain.full_ns > 5_000_000
        assert len(drain.take(4)) == 4
        assert pipe.reads == reads
        assert len(drain.take(1)) == 1
        full_ns = drain.full_ns
        await turns()
        assert len(drain.take(100)) == 7
        assert (drain.full_ns, drain.size_bytes, drain.is_done) == (full_ns, 0, True)


async def test_the_time_of_the_last_empty_read_is_known(pipe: Pipe) -> None:
    """
    It is taken before the read, so that everything before it has been copied; a read that finds something keeps it.
    """
    now_ns = [100]
    with Drain(pipe.fd, pipe.read, wall_ns=lambda: now_ns[0]) as drain:
        assert drain.read_until_ns == 100
        now_ns[0] = 200
        drain.read_now()
        assert drain.read_until_ns == 200


async def test_a_turn_that_does_not_empty_the_input_keeps_the_time(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Nothing is known about what is left.
    """
    monkeypatch.setattr("collector.host.drain._READS_PER_TURN", 1)
    now_ns = [100]
    with Drain(pipe.fd, pipe.read, wall_ns=lambda: now_ns[0]) as drain:
        pipe.write(b"1", b"2")
        now_ns[0] = 200
        drain.read_now()
        assert drain.read_until_ns == 100
        await turns(5)
        assert drain.read_until_ns == 200


async def test_the_first_item_after_an_empty_read_is_shown_at_once(pipe: Pipe) -> None:
    """
    The clock is measured with it when it is copied, not when it is processed.
    """
    fresh: list[bytes] = []
    pipe.write(b"old")
    with Drain(pipe.fd, pipe.read, on_fresh=lambda item, _ns: fresh.append(item)) as drain:
        assert fresh == []
        pipe.write(b"1", b"2")
        drain.read_now()
        assert fresh == [b"1"]


async def test_an_error_comes_after_the_items_before_it(pipe: Pipe) -> None:
    """
    What was copied is still processed.
    """
    answers: list[bytes | Exception] = [b"1", OSError("broken")]

    def read() -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with Drain(pipe.fd, read) as drain:
        assert drain.take(10) == [b"1"]
        assert not drain.is_done
        with pytest.raises(OSError, match="broken"):
            drain.take(10)


async def test_with_an_interval_many_items_are_copied_at_once(pipe: Pipe) -> None:
    """
    After finding something, the descriptor is not watched until the interval is over.
    """
    with Drain(pipe.fd, pipe.read, interval_s=0.02) as drain:
        pipe.write(b"1")
        assert await drain.wait(5)
        assert drain.take(10) == [b"1"]
        pipe.write(b"2")
        await turns()
        pipe.write(b"3")
        assert drain.take(10) == []
        assert await drain.wait(5)
        assert drain.take(10) == [b"2", b"3"]


async def test_after_the_end_nothing_is_watched(pipe: Pipe) -> None:
    """
    The loop no longer knows the descriptor, and no timer is left.
    """
    with Drain(pipe.fd, pipe.read, interval_s=0.001) as drain:
        pipe.write(b"1")
        await turns()
    reads = pipe.reads
    pipe.write(b"2")
    await asyncio.sleep(0.005)
    assert pipe.reads == reads
    assert asyncio.get_running_loop().remove_reader(pipe.fd) is False
    assert drain.take(10) == [b"1"]
