"""
Measures kernel records per second and complete OOM reports per minute, in CPU time of one core.

    python bench/kmsg.py

Ordinary records are those of a recorded host that have nothing to do with an OOM. They are read from a pipe that keeps
records apart like /dev/kmsg, once by a bare loop of read() and once by the source with all its work. The reports are
those of the same host: as records through the source, and from the record to the finished kill.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import Final

from collector.config.sources import KmsgConfig
from collector.host.clock import BootClock
from collector.sources.kmsg.source import KmsgSource
from parsers.kmsg import parse_record, split_dump
from parsers.oom.facts import KernelLine
from parsers.oom.report import ReportAssembler
from parsers.oom.window import concerns_oom

RECORDED: Final = Path(__file__).parents[1] / "tests/recordings/debian12-docker20-cgroup2/kmsg.raw"
ROUNDS: Final = 500
PIPE_BYTES: Final = 1 << 20
RECORD_BYTES: Final = 8192
REPORT_PASSES: Final = 20


def main() -> None:
    """
    Print three figures.
    """
    records = list(split_dump(RECORDED.read_bytes()))
    ordinary = [record for record in records if not concerns_oom(record.decode("latin-1"))]
    for name, chosen in (("ordinary records", ordinary), ("whole OOM reports", _in_reports(records))):
        with _pipe() as (reading, writing):
            bare = _rate(writing, chosen, lambda fd=reading: _read_bare(fd))
            source = KmsgSource(KmsgConfig(path=f"/proc/self/fd/{reading}"), None, BootClock())
            ours = asyncio.run(_rate_of_source(source, writing, chosen))
        print(f"{name}, bare read():  {bare:10,.0f} records/s")
        print(f"{name}, kmsg source:  {ours:10,.0f} records/s  ({ours / bare:.2f} of the bare loop)")
    print(f"complete OOM reports, to the kill:  {60 * _report_rate(records):10,.0f}/min")


def _in_reports(records: list[bytes]) -> list[bytes]:
    """
    Return the records from the head of a report to its kill.
    """
    chosen, inside = [], False
    for record in records:
        inside = inside or b"invoked oom-killer" in record
        chosen += [record] if inside else []
        inside = inside and b"Killed process" not in record
    return chosen


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
    Write records until the pipe is full. Return their number.
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
        began = time.process_time()
        read()
        spent_s += time.process_time() - began
    return count / spent_s


def _read_bare(reading: int) -> None:
    with suppress(BlockingIOError):
        while True:
            os.read(reading, RECORD_BYTES)


async def _rate_of_source(source: KmsgSource, writing: int, records: list[bytes]) -> float:
    """
    Measure the source. Each round gives the records new numbers, because the source ignores numbers that it has seen.
    """
    spent_s, seq = 0.0, 0
    async with aclosing(source.readings(None)) as readings:
        await anext(readings)
        for _ in range(ROUNDS):
            numbered = [_numbered(record, seq + index) for index, record in enumerate(records)]
            seq += _fill(writing, numbered)
            began = time.process_time()
            while source.records < seq:
                await anext(readings)
            spent_s += time.process_time() - began
    if source.records != seq:
        raise SystemExit(f"{seq} records were written and {source.records} read")
    return seq / spent_s


def _numbered(record: bytes, seq: int) -> bytes:
    priority, _, rest = record.split(b",", 2)
    return b"%b,%d,%b" % (priority, seq, rest)


def _report_rate(records: list[bytes]) -> float:
    """
    Return the reports with a summary line per second. Single kill lines are parsed too, and not counted.
    """
    reports, began = 0, time.process_time()
    for _ in range(REPORT_PASSES):
        assembler = ReportAssembler()
        for raw in records:
            record = parse_record(raw)
            line = KernelLine(text=record.text, monotonic_us=record.monotonic_us, seq=record.seq)
            reports += sum(report.constraint is not None for report in assembler.feed(line))
        reports += sum(report.constraint is not None for report in assembler.flush())
    return reports / (time.process_time() - began)


if __name__ == "__main__":
    main()
