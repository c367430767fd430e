"""
The standard output sink, over pipes.
"""

import asyncio
import os
from collections.abc import Iterator

import pytest

from sinks.base import Outgoing
from sinks.errors import DisabledError
from sinks.stdout import StdoutConfig, StdoutSink

CONFIG = StdoutConfig(name="s", type="stdout")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(write)
    os.close(read)


def event(body: bytes) -> Outgoing:
    return Outgoing(id="1", type="t", key="k", body=body)


async def test_a_reader_that_does_not_read_does_not_block_the_agent(pipe: tuple[int, int]) -> None:
    """
    `send` waits without blocking the loop; after a cancelled send the next one starts on a new line.
    """
    read, write = pipe
    sink = StdoutSink(CONFIG, write)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await sink.send([event(b"x" * 1_000_000)])
    os.read(read, 1_000_000)
    await sink.send([event(b"{}")])
    assert os.read(read, 1_000_000) == b"\n{}\n"


async def test_a_closed_output_is_reported_when_the_sink_is_opened(pipe: tuple[int, int]) -> None:
    """
    The agent replaces a closed standard output with /dev/null opened for reading.
    """
    with pytest.raises(DisabledError):
        await StdoutSink(CONFIG, pipe[0]).open()
    await StdoutSink(CONFIG, pipe[1]).open()


async def test_a_closed_pipe_disables_the_sink() -> None:
    """
    A pipe whose reader has closed it never becomes writable again.
    """
    read, write = os.pipe()
    os.close(read)
    try:
        with pytest.raises(DisabledError):
            await StdoutSink(CONFIG, write).send([event(b"{}")])
    finally:
        os.close(write)
