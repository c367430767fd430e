"""
Kernel records per second, and whole OOM reports per minute, on one core.

    python bench/kmsg.py

Ordinary records are those of the recorded host that have nothing to do with an OOM. They are read from a pipe that
keeps records apart as /dev/kmsg does, once by a bare loop of read() and once by the source with all that it does.
Reports are those of the same host, from record to finished kill.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import Final

from collector.hostclock import BootClock
from collector.sources.kmsg import KmsgSource
from collector.sources.settings import KmsgConfig
from parsers.kmsg import parse_record, split_dump
from parsers.oom_facts import KernelLine
from parsers.oom_report import ReportAssembler
from parsers.oom_window import concerns_oom

RECORDED: Final = Path(__file__).parents[1] / "tests/recordings/debian12-docker20-cgroup2/kmsg.raw"
ROUNDS: Final = 2000
PIPE_BYTES: Final = 1 << 20
RECORD_BYTES: Final = 8192
REPORT_PASSES: Final = 20


def main() -> None:
    """
    Print three figures.
    """
    records = list(split_dump(RECORDED.read_bytes()))
    ordinary = [record for record in records if not concerns_oom(record.decode("latin-1"))]
    with _pipe() as (reading, writing):
        bare = _rate(writing, ordinary, lambda: _read_bare(reading))
        source = KmsgSource(KmsgConfig(path=f"/proc/self/fd/{reading}"), None, BootClock())
        ours = asyncio.run(_rate_of_source(source, writing, ordinary))
    print(f"ordinary records, bare read():  {bare:10,.0f}/s")
    print(f"ordinary records, kmsg source:  {ours:10,.0f}/s  ({ours / bare:.2f} of the bare loop)")
    print(f"whole OOM reports:              {60 * _report_rate(records):10,.0f}/min")


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe2(os.O_DIRECT | os.O_NONBLOCK)
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    try:
        yield reading, writing
    finally:
        os.close(reading)
        os.close(writing)


def _fill(writing: int, records: list[bytes]) -> int:
    """
    Write records until the pipe is full; gives their number.
    """
    count = 0
    with suppress(BlockingIOError):
        while True:
            os.write(writing, records[count % len(records)])
            count += 1
    return count


def _rate(writing: int, records: list[bytes], read: Callable[[], None]) -> float:
    count, spent_s = 0, 0.0
    for _ in range(ROUNDS):
        count += _fill(writing, records)
        began = time.perf_counter()
        read()
        spent_s += time.perf_counter() - began
    return count / spent_s


def _read_bare(reading: int) -> None:
    with suppress(BlockingIOError):
        while True:
            os.read(reading, RECORD_BYTES)


async def _rate_of_source(source: KmsgSource, writing: int, records: list[bytes]) -> float:
    """
    The same; each round numbers its records anew, as the source would take old numbers for records it knows.
    """
    spent_s, seq = 0.0, 0
    async with aclosing(source.readings(None)) as readings:
        await anext(readings)
        for _ in range(ROUNDS):
            numbered = [_numbered(record, seq + index) for index, record in enumerate(records)]
            seq += _fill(writing, numbered)
            began = time.perf_counter()
            await anext(readings)
            spent_s += time.perf_counter() - began
    if source.records != seq:
        raise SystemExit(f"{seq} records were written and {source.records} read")
    return seq / spent_s


def _numbered(record: bytes, seq: int) -> bytes:
    priority, _, rest = record.split(b",", 2)
    return b"%b,%d,%b" % (priority, seq, rest)


def _report_rate(records: list[bytes]) -> float:
    """
    Reports with a summary line; bare kill lines are read as well and not counted.
    """
    reports, began = 0, time.perf_counter()
    for _ in range(REPORT_PASSES):
        assembler = ReportAssembler()
        for raw in records:
            record = parse_record(raw)
            line = KernelLine(text=record.text, monotonic_us=record.monotonic_us, seq=record.seq)
            reports += sum(report.constraint is not None for report in assembler.feed(line))
        reports += sum(report.constraint is not None for report in assembler.flush())
    return reports / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
