"""
Records of /dev/kmsg.
"""

import pytest

from parsers.errors import ParseError
from parsers.kmsg import parse_record, split_dump
from parsers.kmsg_frame import frame

KILL = b"6,1406,13000000,-;Memory cgroup out of memory: Killed process 4242 (java) total-vm:1kB\n"


def test_record_of_the_kernel() -> None:
    """
    Number and time come from the header, the text from what follows it.
    """
    record = parse_record(KILL)
    assert (record.priority, record.seq, record.monotonic_us) == (6, 1406, 13000000)
    assert record.text == "Memory cgroup out of memory: Killed process 4242 (java) total-vm:1kB"
    assert record.from_kernel
    assert not record.fragment


def test_record_of_user_space() -> None:
    """
    A facility other than 0 is not the kernel: root in a privileged container can write such records.
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
    A header without flags (Linux 3.5) or with unknown fields is parsed.
    """
    record = parse_record(header + b";a;b")
    assert (record.caller, record.fragment, record.text) == (caller, fragment, "a;b")


def test_semicolon_in_the_name_of_a_header() -> None:
    """
    A semicolon in its name does not let a process hide a record.
    """
    record = parse_record(b"6,1,2,-,caller=T7,cpu=0,pid=7,comm=a;b;Out of memory: Killed process 7 (a;b) x")
    assert record.text == "Out of memory: Killed process 7 (a;b) x"
    assert record.caller == "T7"


def test_escapes_are_bytes() -> None:
    r"""
    `\xNN` becomes a byte and the text is decoded as UTF-8; other bytes are kept as surrogates.
    """
    record = parse_record(rb"6,1,2,-;\xe4\xb8\xad \xe4\xb8 machine\x5cx2d1 a\x0ab")
    assert record.text == "中 \udce4\udcb8 machine\\x2d1 a\nb"


def test_properties_follow_the_text() -> None:
    """
    ` KEY=value` lines are not part of the message.
    """
    record = parse_record(b"6,1,2,-;usb 1-1: new\n SUBSYSTEM=usb\n DEVICE=c189:1\n")
    assert record.text == "usb 1-1: new"
    assert record.properties == {"SUBSYSTEM": "usb", "DEVICE": "c189:1"}


@pytest.mark.parametrize("garbage", [b"", b"6,1,2", b"a,1,2,-;x", b"6,1;x", b";", b"6," + b"9" * 5000 + b",1,-;x"])
def test_garbage(garbage: bytes) -> None:
    """
    The parser refuses what is not a record, and the fast path skips it.
    """
    with pytest.raises(ParseError):
        parse_record(garbage)
    assert frame(garbage) is None


def test_a_time_that_64_bits_do_not_hold_is_garbage() -> None:
    """
    A time beyond 64 bits raises ParseError, because no host runs for centuries.
    """
    record = b"6,1,99999999999999999999,-;x"
    with pytest.raises(ParseError):
        parse_record(record)
    assert frame(record) is None


def test_fast_path_agrees() -> None:
    """
    The fast path gives the same numbers as the parser.
    """
    assert frame(KILL) == (6, 1406, 13000000, "-", KILL.partition(b";")[2].decode().rstrip())


def test_dump_of_records() -> None:
    """
    In a file of records, a property belongs to the record before it, and empty lines to none.
    """
    first, second = b"6,1,2,-;a\n SUBSYSTEM=usb", b"6,2,3,-;b"
    assert list(split_dump(first + b"\n\n" + second + b"\n")) == [first, second]
