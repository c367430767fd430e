"""
Tests of reading the trace to its end, over a pipe.
"""

import os
from collections.abc import AsyncIterator
from functools import partial

import pytest

from collector.config.sources import TraceConfig
from collector.facts.observed import VictimMarkedFact
from collector.facts.watermark import WatermarkFact
from collector.host.drain import Drain
from collector.host.procfs import ProcFiles
from collector.sources.trace.lines import TraceLines
from collector.sources.trace.source import TraceSource, _read

LINE = b"            java-40      [000] .....    10.600000: mark_victim: pid=4000000\n"


class Trace:
    """
    A source, and the pipe that it reads.
    """

    def __init__(self, drain: Drain, write: int) -> None:
        self.source = TraceSource(TraceConfig(), TraceLines(ProcFiles()))
        self.drain = drain
        self._write = write

    def write(self, text: bytes) -> None:
        os.write(self._write, text)
        self.drain.read_now()


@pytest.fixture
async def trace() -> AsyncIterator[Trace]:
    """
    An empty trace.
    """
    ends = os.pipe2(os.O_NONBLOCK)
    with Drain(ends[0], partial(_read, ends[0]), wall_ns=lambda: 777) as drain:
        yield Trace(drain, ends[1])
    for end in ends:
        os.close(end)


async def test_a_watermark_follows_the_facts_before_it(trace: Trace) -> None:
    """
    On request the source states until when it has read the trace, after everything that was in it.
    """
    trace.write(LINE)
    trace.source.request_watermark()
    victim, watermark = trace.source._facts(trace.drain)
    assert isinstance(victim, VictimMarkedFact)
    assert watermark == WatermarkFact(source="trace", read_until_ns=777)


async def test_a_watermark_is_stated_once(trace: Trace) -> None:
    """
    Without a request an empty trace says nothing.
    """
    assert trace.source._facts(trace.drain) == ()
    trace.source.request_watermark()
    assert len(trace.source._facts(trace.drain)) == 1
    assert trace.source._facts(trace.drain) == ()


async def test_an_unread_trace_gives_no_watermark(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    While copied pieces wait, the source states nothing.
    """
    monkeypatch.setattr("collector.sources.trace.source._BATCH", 1)
    trace.write(LINE)
    trace.write(LINE)
    trace.source.request_watermark()
    (victim,) = trace.source._facts(trace.drain)
    assert isinstance(victim, VictimMarkedFact)
    assert trace.source._facts(trace.drain)[1:] == (WatermarkFact(source="trace", read_until_ns=777),)
