"""
Datagrams of the process connector that a kernel (Linux 6.18, x86-64) sent.
"""

import pytest

from parsers.errors import ParseError
from parsers.proc_event import (
    ProcAck,
    ProcComm,
    ProcCoredump,
    ProcExec,
    ProcExit,
    ProcFork,
    WaitStatus,
    What,
    parse_proc_event,
    peek,
    wait_status,
)

# `sh -c "exit 137"`, forked by a Python program: pid 29233, child of 29232.
ACK = bytes.fromhex(
    "4c000000030000000000000000000000010000000100000000000000010000002800000000000000010000000"
    "33e359d16110000" + "00" * 24
)
FORK = bytes.fromhex(
    "4c000000030000000100000000000000010000000100000001000000000000002800000001000000010000002"
    "8ee3a9d1611000030720000307200003172000031720000" + "00" * 8
)
EXEC = bytes.fromhex(
    "4c000000030000000000000000000000010000000100000000000000000000002800000002000000000000"
    "00df1b499d161100003172000031720000" + "00" * 16
)
EXIT = bytes.fromhex(
    "4c00000003000000010000000000000001000000010000000100000000000000280000000000008000000000986c559d16110000"
    "317200003172000000890000110000003072000030720000"
)


def test_fork() -> None:
    """
    A fork names parent and child, each as thread and as process.
    """
    assert parse_proc_event(FORK) == ProcFork(
        timestamp_ns=18788824837672, parent_pid=29232, parent_tgid=29232, child_pid=29233, child_tgid=29233
    )


def test_exec() -> None:
    """
    An exec names the process.
    """
    assert parse_proc_event(EXEC) == ProcExec(timestamp_ns=18788825766879, pid=29233, tgid=29233)


def test_core_dump() -> None:
    """
    A thread that crashes is named with its process.
    """
    datagram = EXEC[:36] + (0x40000000).to_bytes(4, "little") + EXEC[40:52] + (7).to_bytes(4, "little") + EXEC[56:]
    assert parse_proc_event(datagram) == ProcCoredump(timestamp_ns=18788825766879, pid=7, tgid=29233)


def test_exit() -> None:
    """
    An exit has the raw wait status and the parent.
    """
    assert parse_proc_event(EXIT) == ProcExit(
        timestamp_ns=18788826573976,
        pid=29233,
        tgid=29233,
        exit_code=0x8900,
        exit_signal=17,
        parent_tgid=29232,
    )


def test_exit_before_4_18() -> None:
    """
    The parent is None if the kernel leaves zeros instead of it.
    """
    event = parse_proc_event(EXIT[:68] + bytes(8))
    assert isinstance(event, ProcExit)
    assert event.parent_tgid is None


def test_comm() -> None:
    """
    A name ends at its first NUL and need not be text.
    """
    datagram = EXEC[:36] + (0x200).to_bytes(4, "little") + EXEC[40:60] + b"caf\xe9\0rest".ljust(16, b"\0")
    event = parse_proc_event(datagram)
    assert isinstance(event, ProcComm)
    assert event.comm == "caf\udce9"


def test_ack() -> None:
    """
    The answer to a listener has its errno, and the number of the request plus one.
    """
    assert parse_proc_event(ACK) == ProcAck(number=1, error=0)


def test_other_kinds() -> None:
    """
    Events that are not used, such as a change of the user, give None.
    """
    assert parse_proc_event(EXEC[:36] + (4).to_bytes(4, "little") + EXEC[40:]) is None


@pytest.mark.parametrize(
    "datagram",
    [b"", EXIT[:-1], EXIT[:16] + (7).to_bytes(4, "little") + EXIT[20:]],
    ids=["empty", "cut", "other"],
)
def test_not_of_the_process_connector(datagram: bytes) -> None:
    """
    A datagram that is too short or of another connector raises ParseError.
    """
    with pytest.raises(ParseError):
        parse_proc_event(datagram)


@pytest.mark.parametrize(
    ("datagram", "seen"),
    [
        (FORK, (What.FORK, 29232, 29233)),
        (EXEC, (What.EXEC, 29233, 0)),
        (EXIT, (What.EXIT, 29233, 17)),
    ],
)
def test_peek(datagram: bytes, seen: tuple[int, int, int]) -> None:
    """
    A peek gives the kind, the process (for a fork the parent), and for a fork the child.
    """
    assert peek(datagram) == seen


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (0, WaitStatus(exit_code=0, signal=None)),
        (0x8900, WaitStatus(exit_code=137, signal=None)),
        (0x0009, WaitStatus(exit_code=None, signal=9)),
        (0x008B, WaitStatus(exit_code=None, signal=11, core_dumped=True)),
    ],
    ids=["exit 0", "exit 137", "SIGKILL", "SIGSEGV with a core"],
)
def test_wait_status(raw: int, status: WaitStatus) -> None:
    """
    exit(137) and SIGKILL are different statuses.
    """
    assert wait_status(raw) == status


@pytest.mark.parametrize("raw", [0x137F, 0xFFFF, 0x10000, -1])
def test_no_status_of_an_end(raw: int) -> None:
    """
    A status of a stopped or continued process, or of nothing, raises ParseError.
    """
    with pytest.raises(ParseError):
        wait_status(raw)
