"""
Measures kernel records per second and complete OOM reports per minute, in CPU time of one core.

    python bench/kmsg.py

Ordinary records are those of a recorded host that have nothing to do with an OOM. They are read from a pipe that keeps
records apart like /dev/kmsg, in turns by a bare loop of read() and by the source with all its work, so that both meet
the same load of the host. The reports are those of the same host: as records through the source, and from the record to
the finished kill.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import Final

import uvloop

from collector.config.sources import KmsgConfig
from collector.host.clock import BootClock
from collector.sources.kmsg.source import KmsgSource
from parsers.kmsg import parse_record, split_dump
from parsers.oom.facts import KernelLine
from parsers.oom.report import ReportAssembler
from parsers.oom.window import concerns_oom

RECORDED: Final = Path(__file__).parents[1] / "tests/recordings/debian12-docker20-cgroup2/kmsg.raw"
ROUNDS: Final = 300
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
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the agent does
            bare, ours = runner.run(_rates(chosen))
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


async def _rates(records: list[bytes]) -> tuple[float, float]:
    """
    Return the records per second of CPU time of a bare loop and of the source.

    Each round gives the records new numbers, because the source ignores numbers that it has seen.
    """
    bare_s, ours_s, bare_count, seq = 0.0, 0.0, 0, 0
    with _pipe() as (bare_end, to_bare), _pipe() as (reading, writing):
        source = KmsgSource(KmsgConfig(path=f"/proc/self/fd/{reading}"), None, BootClock())
        async with aclosing(source.readings(None)) as readings:
            await anext(readings)
            for _ in range(ROUNDS):
                numbered = [_numbered(record, seq + index) for index, record in enumerate(records)]
                bare_count += _fill(to_bare, numbered)
                began = time.process_time()
                _read_bare(bare_end)
                bare_s += time.process_time() - began
                seq += _fill(writing, numbered)
                began = time.process_time()
                while source.records < seq:
                    await anext(readings)
                ours_s += time.process_time() - began
    if source.records != seq:
        raise SystemExit(f"{seq} records were written and {source.records} read")
    return bare_count / bare_s, seq / ours_s


def _read_bare(reading: int) -> None:
    with suppress(BlockingIOError):
        while True:
            os.read(reading, RECORD_BYTES)


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
