"""
Records of /dev/kmsg to facts: a report stays the same although some records are skipped and others kept as text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.facts.observed import GapFact, KernelFact
from collector.sources.kmsg.records import Records
from parsers.kmsg import parse_record, split_dump
from parsers.oom.facts import KernelLine, OomReport
from parsers.oom.report import ReportAssembler

RECORDED = Path(__file__).parents[3] / "recordings/debian12-docker20-cgroup2/kmsg.raw"
INVOKED = "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"
ROW = "[   77]     0    77     1000      500    45056        0             0 java"
LINES = (
    INVOKED,
    INVOKED.replace("java", "worker 1"),
    "CPU: 0 PID: 77 Comm: java Not tainted 6.1.0",
    "java cpuset=aaaa mems_allowed=0",
    "Call Trace:",
    " ? __schedule+0x2d4/0x880",
    " oom_kill_process+0x103/0x190",
    "RIP: 0033:0x7f2b",
    "memory: usage 32768kB, limit 32768kB, failcnt 9",
    "memory+swap: usage 32768kB, limit 32768kB, failcnt 0",
    "Memory cgroup stats for /docker/a:",
    "anon 32768",
    r"anon 32768\x0afile 0\x0akernel 4096",
    "1234 pages RAM",
    "Tasks state (memory values in pages):",
    "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
    ROW,
    ROW.replace("java", "nginx: w"),
    ROW.replace("java", "a cpuset=b"),
    ROW.replace("java", r"\xc3\xa4"),
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/",
    ",mems_allowed=0,oom_memcg=/docker/a,task_memcg=/docker/a,task=java,pid=77,uid=0",
    "Task in /docker/a",
    " killed as a result of limit of /docker/a",
    "Memory cgroup out of memory: Killed process 77 (java) total-vm:4000kB, anon-rss:7kB, file-rss:1kB, shmem-rss:0kB",
    "Memory cgroup out of memory: OOM victim 77 (java) is already exiting. Skip killing the task",
    "Tasks in /docker/a are going to be killed due to memory.oom.group set",
    "docker0: port 2(veth380a1cd) entered disabled state",
)
HEADERS = ("-", "-,caller=T7", "-,caller=C1", "c", "+", "-,caller=T7,cpu=0,pid=7,comm=a;b")
PLAIN_HEADERS = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(HEADERS)), max_size=40)


def reports(lines: Iterable[KernelLine]) -> list[OomReport]:
    """
    Return the reports in these lines; the lines that a line of evidence carries are no evidence.
    """
    assembler = ReportAssembler()
    found = [report for line in lines for report in assembler.feed(line)] + assembler.flush()
    return [replace(one, evidence=tuple(replace(line, lines_after=()) for line in one.evidence)) for one in found]


def lines_of(records: Sequence[bytes], at_once: int) -> list[KernelLine]:
    made = Records(None, lambda stamp_us: stamp_us * 1000)
    facts = [fact for start in range(0, len(records), at_once) for fact in made.facts(records[start : start + at_once])]
    return [fact.line for fact in facts if isinstance(fact, KernelFact)]


def all_lines_of(records: Sequence[bytes]) -> list[KernelLine]:
    return [
        KernelLine(
            text=record.text,
            monotonic_us=record.monotonic_us,
            at_ns=record.monotonic_us * 1000,
            seq=record.seq,
            caller=record.caller,
            fragment=record.fragment,
        )
        for record in map(parse_record, records)
        if record.from_kernel
    ]


@pytest.mark.parametrize("at_once", [1, 7, 512])
def test_a_recorded_host_has_the_reports_of_all_its_lines(at_once: int) -> None:
    """
    The facts of a storm give the same reports as if each line had been handed on, however the records arrive.
    """
    records = list(split_dump(RECORDED.read_bytes()))
    found = lines_of(records, at_once)
    assert reports(found) == reports(all_lines_of(records))
    assert len(found) < len(records) / 2


@given(PLAIN_HEADERS, st.integers(1, 50), st.sets(st.integers(2, 40), max_size=2))
def test_any_report_is_that_of_all_its_lines(written: list[tuple[str, str]], at_once: int, lost: set[int]) -> None:
    """
    From the head of a report on, in any order of lines, callers and fragments, and with holes, nothing is missed.
    """
    log = [
        f"6,{seq},{1_000_000 + seq},{header};{text}\n".encode()
        for seq, (text, header) in enumerate([(INVOKED, "-"), *written], start=1)
        if seq not in lost
    ]
    assert reports(lines_of(log, at_once)) == reports(all_lines_of(log))


def test_lines_that_only_add_to_a_report_come_with_the_line_before_them() -> None:
    """
    Usages, statistics and the task table of the same caller are handed on as text: a report costs a few facts.
    """
    added = ["memory: usage 32768kB, limit 32768kB, failcnt 9", "Tasks state (memory values in pages):", ROW]
    log = [f"6,{seq},{seq},-,caller=T1;{text}\n".encode() for seq, text in enumerate([INVOKED, *added])]
    log.append(f"6,4,4,-,caller=T2;{ROW}\n".encode())
    first, other = lines_of(log, 512)
    assert (first.text, first.lines_after) == (INVOKED, tuple(enumerate(added, start=1)))
    assert (other.text, other.caller, other.lines_after) == (ROW, "T2", ())


def test_a_recorded_report_is_three_facts() -> None:
    """
    Of 38 records from the head of a report to its kill, three are lines by themselves.
    """
    records = list(split_dump(RECORDED.read_bytes()))
    head = next(index for index, record in enumerate(records) if b"hog invoked oom-killer" in record)
    kill = next(index for index, record in enumerate(records) if index > head and b"Killed process" in record)
    found = lines_of(records[head : kill + 1], 512)
    assert [line.text.split(" ")[0].partition(":")[0] for line in found] == ["hog", "oom-kill", "Memory"]


def test_a_hole_between_ordinary_records_is_found_whatever_is_looked_at_together() -> None:
    """
    The numbers of many records are checked together, and each hole is one gap all the same.
    """
    log = [b"6,%d,%d,-;eth0: link up\n" % (seq, seq) for seq in range(1, 400) if seq not in (100, 101, 300)]
    facts = Records(None, lambda stamp_us: stamp_us).facts(log)
    assert [(fact.count, fact.to_ns) for fact in facts if isinstance(fact, GapFact)] == [(2, 102), (1, 301)]
