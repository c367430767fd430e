"""
The parsers of the kernel log are total: any text gives facts or nothing, and records give only ParseError.
"""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from parsers.carriers.pasted import lines
from parsers.errors import ParseError
from parsers.kernel import concerns_notice, parse_notice
from parsers.kmsg import parse_record, split_dump
from parsers.kmsg_frame import OF_REPORT, are_next, frame, frame_of, may_concern_oom
from parsers.oom.draft import Detail
from parsers.oom.line import is_complete, parse_line
from parsers.oom.report import ReportAssembler
from parsers.oom.summary import parse_summary
from parsers.oom.window import concerns_oom, is_carried
from parsers.trace_line import begins_line
from parsers.trace_line import parse_line as parse_trace_line

PIECES = (
    b"oom-kill:constraint=CONSTRAINT_MEMCG",
    b",oom_memcg=/docker/a",
    b",task_memcg=/docker/a",
    b",task=",
    b"java",
    b",pid=7",
    b",uid=0",
    b"Memory cgroup out of memory: Killed process 7 (java)",
    b" total-vm:9kB, anon-rss:7kB, file-rss:1kB",
    b"Tasks in /docker/a are going to be killed due to memory.oom.group set",
    b"Task in /a",
    b" killed as a result of limit of /a",
    b"java invoked oom-killer: gfp_mask=0xd0, order=0",
    b" invoked oom-killer: gfp_mask=0xd0, order=0",
    b"[ pid ]   uid  tgid total_vm      rss name",
    b"[    7]     0     7     1000      500 java",
    b"[    7]     0     7     1000      500    45056        0             0 java",
    b"CPU: 0 PID: 7 Comm: ",
    b"1234 pages RAM",
    b"memory: usage 1kB, limit 1kB, failcnt 1",
    b"Memory cgroup stats for /a:",
    b"anon 4096",
    b"java[7]",
    b": segfault at 8 ip 7f0 sp 7f0 error 4",
    b" general protection fault ip:7f0 sp:7f0 error:0",
    b": unhandled signal 11 code 0x1 at 0x8",
    b" in libc.so.6[7f000+1000]",
    b"INFO: task java:7 blocked",
    b" on a mutex likely owned by task c:9",
    b"watchdog: BUG: soft lockup - CPU#1 stuck for 9s!",
    b"cgroup: fork rejected by pids controller in /a",
    b"audit: type=1326 audit(1.2:3): ",
    b'pid=7 comm="a" exe="/b" sig=31 code=0x0 ',
    b'type=1400 apparmor="DENIED" operation="signal" ',
    b"NVRM: Xid (PCI:0000:2a:00): 31",
    b", pid=7, name=a",
    b"EXT4-fs error (device sda1): a:1: comm b: ",
    b"Memory failure: 0x1: Killing java:7 due to hardware memory corruption",
    b"I/O error, dev sda, sector 1",
    b"nf_conntrack: table full, dropping packet",
    b"\n           PID: 40 (hog)\n",
    b"        Signal: 6 (ABRT)\n",
    b"       Message: ",
    b"Process 40 (hog) of user 0 dumped core.\n",
    b"Stack trace of thread 41:\n#0  0x7f f (libc.so.6 + 0x8)\n",
    b"\nCOREDUMP_PID=40\n",
    b"\nMESSAGE=",
    b"[  100.000001] ",
    b"2024-10-30T10:13:57,161113+01:00 ",
    b"Oct 30 10:13:57 main kernel: ",
    b"6,1,2,-;",
    b'{"MESSAGE":"x","_TRANSPORT":"kernel"}',
    b"> ",
    b"\n",
    b"\n  ",
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=40).map(b"".join)


@given(TEXTS)
def test_any_pasted_text_gives_reports(text: bytes) -> None:
    """
    Any text gives reports in which each process is killed at most once.
    """
    assembler = ReportAssembler()
    reports = [report for line in lines(text) for report in assembler.feed(line.line)] + assembler.flush()
    assert not assembler.is_open
    for report in reports:
        pids = [victim.pid for victim in report.victims]
        assert len(pids) == len(set(pids))


@given(TEXTS)
def test_any_line_gives_a_fact_or_nothing(text: bytes) -> None:
    """
    Any message gives a fact or None, and only a message that is a fact can be complete.
    """
    message = text.decode("utf-8", "surrogateescape")
    assert parse_line(message) is not None or not is_complete(message)


@given(TEXTS)
def test_a_line_that_another_carries_only_adds_to_a_report(text: bytes) -> None:
    """
    A line that is handed on with the line before it neither opens nor ends a report, and is no kernel notice.
    """
    message = text.decode("utf-8", "surrogateescape")
    assert not is_carried(message) or (isinstance(parse_line(message), Detail | None) and parse_notice(message) is None)


@given(TEXTS)
def test_any_notice_is_recognized(text: bytes) -> None:
    """
    Any message gives a notice or None, and the cheap test selects every message that gives one.
    """
    message = text.decode("utf-8", "surrogateescape")
    assert parse_notice(message) is None or concerns_notice(message)
    assert parse_notice(message) is None or concerns_notice(text.decode("latin-1"))


@given(TEXTS, st.integers(0, 9))
def test_any_record_gives_a_fact_or_a_parse_error(data: bytes, seq: int) -> None:
    """
    Any bytes give records of /dev/kmsg and lines of trace_pipe, nothing, or a ParseError.
    """
    for record in split_dump(data):
        frame(record)
        are_next([record], seq)
        decoded = record.decode("latin-1")
        assert frame_of(decoded) == frame(record)
        assert may_concern_oom(record) or not concerns_oom(decoded)
        OF_REPORT.match(decoded)
        begins_line(record)
        with suppress(ParseError):
            parse_record(record)
        with suppress(ParseError):
            parse_trace_line(record)


@given(st.lists(st.sampled_from([",task=a", ",pid=7", ",uid=0", ",", "b"]), max_size=12).map("".join))
def test_the_task_of_a_summary_reaches_from_the_first_key_to_the_last_pid(name: str) -> None:
    """
    A name that looks like the rest of a summary cannot change the pid.
    """
    fact = parse_summary(f"oom-kill:constraint=CONSTRAINT_NONE,task={name},pid=42,uid=1000")
    assert fact is not None
    assert (fact.comm, fact.pid, fact.uid) == (name, 42, 1000)
