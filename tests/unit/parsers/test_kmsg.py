r"""
Records of /dev/kmsg.
"""

import pytest

from parsers.errors import ParseError
from parsers.kmsg import concerns_oom, frame, parse_record, split_dump

KILL = b"6,1406,13000000,-;Memory cgroup out of memory: Killed process 4242 (java) total-vm:1kB\n"


def test_record_of_the_kernel() -> None:
    """
    Number, time and text come from the header and what follows it.
    """
    record = parse_record(KILL)
    assert (record.priority, record.seq, record.monotonic_us) == (6, 1406, 13000000)
    assert record.text == "Memory cgroup out of memory: Killed process 4242 (java) total-vm:1kB"
    assert record.from_kernel
    assert not record.fragment


def test_record_of_user_space() -> None:
    """
    A facility other than 0 cannot be the kernel: any root in a privileged container may write such records.
    """
    record = parse_record(b"12,5,1,-;Out of memory: Killed process 1 (init) total-vm:1kB")
    assert (record.facility, record.from_kernel) == (1, False)


@pytest.mark.parametrize(
    ("header", "caller", "fragment"),
    [
        (b"6,1,2", None, False),
        (b"6,1,2,-,caller=T4242", "T4242", False),
        (b"6,1,2,c,caller=C3", "C3", True),
        (b"6,1,2,+", None, True),
        (b"6,1,2,-,new=1,caller=T7,other=x", "T7", False),
    ],
)
def test_header_of_old_and_new_kernels(header: bytes, caller: str | None, fragment: bool) -> None:
    """
    Linux 3.5 has no flags, later kernels add fields; what is not known is skipped.
    """
    record = parse_record(header + b";a;b")
    assert (record.caller, record.fragment, record.text) == (caller, fragment, "a;b")


def test_semicolon_in_the_name_of_a_header() -> None:
    """
    A process cannot hide what the kernel says of it by a semicolon in its name.
    """
    record = parse_record(b"6,1,2,-,caller=T7,cpu=0,pid=7,comm=a;b;Out of memory: Killed process 7 (a;b) x")
    assert record.text == "Out of memory: Killed process 7 (a;b) x"
    assert record.caller == "T7"


def test_escapes_are_bytes() -> None:
    r"""
    `\xNN` is resolved to a byte, then the whole is read as UTF-8; a byte that is not is kept as a surrogate.
    """
    record = parse_record(rb"6,1,2,-;\xe4\xb8\xad \xe4\xb8 machine\x5cx2d1 a\x0ab")
    assert record.text == "中 \udce4\udcb8 machine\\x2d1 a\nb"


def test_properties_follow_the_text() -> None:
    """
    ` KEY=value` lines are no part of the message.
    """
    record = parse_record(b"6,1,2,-;usb 1-1: new\n SUBSYSTEM=usb\n DEVICE=c189:1\n")
    assert record.text == "usb 1-1: new"
    assert record.properties == {"SUBSYSTEM": "usb", "DEVICE": "c189:1"}


@pytest.mark.parametrize("garbage", [b"", b"6,1,2", b"a,1,2,-;x", b"6,1;x", b";", b"6," + b"9" * 5000 + b",1,-;x"])
def test_garbage(garbage: bytes) -> None:
    """
    What is no record is refused by the parser, and skipped by the fast path.
    """
    with pytest.raises(ParseError):
        parse_record(garbage)
    assert frame(garbage) is None


def test_a_time_that_64_bits_do_not_hold_is_garbage() -> None:
    """
    No machine runs for centuries.
    """
    with pytest.raises(ParseError):
        parse_record(b"6,1,99999999999999999999,-;x")


def test_fast_path_agrees() -> None:
    """
    The cheap reading gives the same numbers.
    """
    assert frame(KILL) == (6, 1406, 13000000, KILL.partition(b";")[2].decode())


@pytest.mark.parametrize(
    "text",
    [
        "java invoked oom-killer: gfp_mask=0xcc0, order=0",
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)",
        "Killed process 7 (java) total-vm:1kB",
        "Out of Memory: Kill process 7 (java) score 1 and children.",
        "Task in /a killed as a result of limit of /a",
        "Tasks in /a are going to be killed due to memory.oom.group set",
        "Memory cgroup out of memory: OOM victim 7 (a) is already exiting. Skip killing the task",
        "oom_kill_process: 60 callbacks suppressed",
        "Out of memory and no killable processes...",
        "oom_reaper: reaped process 7 (a)",
        "Kernel panic - not syncing: System is deadlocked on memory",
        "sysrq: Manual OOM execution",
        "No available memory (MPOL_BIND): Killed process 7 (a).",
    ],
)
def test_all_lines_that_may_matter_pass_the_filter(text: str) -> None:
    """
    The filter may let too much pass, never too little.
    """
    assert concerns_oom(text)


def test_ordinary_line_does_not_pass_the_filter() -> None:
    """
    Else it would save nothing.
    """
    assert not concerns_oom("docker0: port 2(veth380a1cd) entered disabled state")


def test_dump_of_records() -> None:
    """
    In a file of records, properties belong to the record before, and empty lines to none.
    """
    first, second = b"6,1,2,-;a\n SUBSYSTEM=usb", b"6,2,3,-;b"
    assert list(split_dump(first + b"\n\n" + second + b"\n")) == [first, second]
