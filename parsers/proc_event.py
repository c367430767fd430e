"""
Parse datagrams of the kernel's process connector: fork, exec, rename, core dump and exit.

An exit has the raw wait status. One datagram holds one event: struct nlmsghdr (16 bytes), struct cn_msg (20), struct
proc_event (40), all in the byte order of the host; see include/uapi/linux/{netlink,connector,cn_proc}.h. Every event
names a thread (`pid` in the kernel's words) and its process (`tgid`), numbered in the initial PID namespace. Times are
CLOCK_MONOTONIC. Before Linux 4.18 an exit does not name the parent.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from parsers.errors import ParseError

CN_IDX_PROC: Final = 1
CN_VAL_PROC: Final = 1
DATAGRAM_BYTES: Final = 76

_EXPECTED: Final = "a proc_event of the process connector (cn_proc.h)"
# Offsets: 16 = cn_msg, 36 = proc_event, 52 = its data after what, cpu and timestamp.
_IDS: Final = struct.Struct("=16xII")
_ACK_NUMBER: Final = struct.Struct("=28xI")
_EVENT: Final = struct.Struct("=36xIIQ")
_INTS: Final = struct.Struct("=52x6i")
_COMM: Final = struct.Struct("=60x16s")
_PEEK: Final = struct.Struct("=36xI16xi4xi8x")
# The bits of a wait status, as in glibc's bits/waitstatus.h.
_SIGNAL_MASK: Final = 0x7F
_CORE_FLAG: Final = 0x80
_STOPPED: Final = 0x7F
_STATUS_MASK: Final = 0xFFFF


class What(IntEnum):
    """
    The kinds of events that are parsed; the kernel has more.
    """

    NONE = 0
    FORK = 1
    EXEC = 2
    COMM = 0x200
    COREDUMP = 0x40000000
    EXIT = 0x80000000


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitStatus:
    """
    How a process ended (wait(2)): with an exit code or by a signal. The other one is None.

    Attributes:
        exit_code: 0 to 255; 137 if the program itself called exit(137).
        signal: number of the signal that ended the process.
    """

    exit_code: int | None
    signal: int | None
    core_dumped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcFork:
    """
    A process or a thread was created; a thread if `child_pid` is not `child_tgid`.

    Attributes:
        parent_tgid: the parent that getppid(2) returns; with CLONE_PARENT that is not the process that forked.
    """

    timestamp_ns: int
    parent_pid: int
    parent_tgid: int
    child_pid: int
    child_tgid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcExec:
    """
    A process started to run another program.
    """

    timestamp_ns: int
    pid: int
    tgid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcComm:
    """
    A thread was renamed: prctl(PR_SET_NAME), or /proc/<pid>/comm.

    Attributes:
        comm: at most 15 bytes; bytes that are not UTF-8 are kept as surrogates.
    """

    timestamp_ns: int
    pid: int
    tgid: int
    comm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcCoredump:
    """
    A thread got a signal that ends its process with a core dump, whether or not one is written; since Linux 3.10.
    """

    timestamp_ns: int
    pid: int
    tgid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcExit:
    """
    A thread ended; the process's first thread if `pid` is `tgid`.

    Attributes:
        exit_code: the raw wait status; see `wait_status`.
        exit_signal: the signal that the parent gets for the exit, usually SIGCHLD.
        parent_tgid: the parent at the end; None before Linux 4.18.
    """

    timestamp_ns: int
    pid: int
    tgid: int
    exit_code: int
    exit_signal: int
    parent_tgid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcAck:
    """
    The kernel's answer to a request; all listeners get it.

    Attributes:
        number: `ack` of the request plus one, to match the answer with the request.
        error: an errno, 0 for success.
    """

    number: int
    error: int


ProcEvent = ProcFork | ProcExec | ProcComm | ProcCoredump | ProcExit | ProcAck


def peek(datagram: bytes | bytearray) -> tuple[int, int, int]:
    """
    Return the kind of an event, its process (for a fork the parent) and for a fork the child, all unchecked.

    Args:
        datagram: at least `DATAGRAM_BYTES` long; the rest is ignored.
    """
    return _PEEK.unpack_from(datagram)


def parse_proc_event(datagram: bytes | bytearray) -> ProcEvent | None:
    """
    Parse a datagram; return None for a kind of event that is not used.

    Raises:
        ParseError: the datagram is too short, or not from the process connector.
    """
    if len(datagram) < DATAGRAM_BYTES or _IDS.unpack_from(datagram) != (CN_IDX_PROC, CN_VAL_PROC):
        raise ParseError(_EXPECTED, bytes(datagram))
    what, _cpu, timestamp_ns = _EVENT.unpack_from(datagram)
    ints = _INTS.unpack_from(datagram)
    match what:
        case What.FORK:
            return ProcFork(
                timestamp_ns=timestamp_ns,
                parent_pid=ints[0],
                parent_tgid=ints[1],
                child_pid=ints[2],
                child_tgid=ints[3],
            )
        case What.EXEC | What.COREDUMP:
            kind = ProcExec if what == What.EXEC else ProcCoredump
            return kind(timestamp_ns=timestamp_ns, pid=ints[0], tgid=ints[1])
        case What.COMM:
            comm: bytes = _COMM.unpack_from(datagram)[0].partition(b"\0")[0]
            name = comm.decode("utf-8", "surrogateescape")
            return ProcComm(timestamp_ns=timestamp_ns, pid=ints[0], tgid=ints[1], comm=name)
        case What.EXIT:
            return ProcExit(
                timestamp_ns=timestamp_ns,
                pid=ints[0],
                tgid=ints[1],
                exit_code=ints[2],
                exit_signal=ints[3],
                parent_tgid=ints[5] or None,
            )
        case What.NONE:
            return ProcAck(number=_ACK_NUMBER.unpack_from(datagram)[0], error=ints[0])
        case _:
            return None


def wait_status(raw: int) -> WaitStatus:
    """
    Decode a raw wait status (wait(2), `WIFEXITED` and the other macros).

    Raises:
        ParseError: the process did not end; it was stopped or continued.
    """
    signal = raw & _SIGNAL_MASK
    if raw & ~_STATUS_MASK or signal == _STOPPED:
        raise ParseError("the wait status of a process that ended (wait(2))", hex(raw))
    if signal:
        return WaitStatus(exit_code=None, signal=signal, core_dumped=bool(raw & _CORE_FLAG))
    return WaitStatus(exit_code=raw >> 8, signal=None)
