"""
The classic BPF program that drops unwanted events inside the kernel (Documentation/networking/filter.rst).

Most forks and exits on a busy host are threads. Filtering them in the kernel costs less than a datagram that is read
and dropped, and leaves the receive buffer to the events that matter.
"""

import socket
import struct
from typing import Final

from parsers.proc_event import What

_INSTRUCTION: Final = struct.Struct("=HBBI")
INSTRUCTION_BYTES: Final = _INSTRUCTION.size

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_COPY_TO_X: Final = 0x07  # BPF_MISC | BPF_TAX
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_EQUAL_X: Final = 0x1D  # BPF_JMP | BPF_JEQ | BPF_X
_RETURN: Final = 0x06  # BPF_RET | BPF_K

# Offsets in bytes of the 32-bit words of a datagram (parsers/proc_event.py).
_WHAT: Final = 36
_FORK_CHILD_PID: Final = 60
_FORK_CHILD_TGID: Final = 64
_FIRST_PID: Final = 52
_FIRST_TGID: Final = 56


def wanted_events() -> bytes:
    """
    Return the program.

    It passes execs, core dumps, answers, forks of processes, and exits and renames of first threads.
    """
    # Jumps count from the next instruction: 15 drops, 16 passes.
    code = (
        (_LOAD, 0, 0, _WHAT),
        (_IF_EQUAL, 5, 0, _as_loaded(What.FORK)),
        (_IF_EQUAL, 8, 0, _as_loaded(What.EXIT)),
        (_IF_EQUAL, 7, 0, _as_loaded(What.COMM)),
        (_IF_EQUAL, 11, 0, _as_loaded(What.EXEC)),
        (_IF_EQUAL, 10, 0, _as_loaded(What.COREDUMP)),
        (_IF_EQUAL, 9, 8, _as_loaded(What.NONE)),
        (_LOAD, 0, 0, _FORK_CHILD_PID),
        (_COPY_TO_X, 0, 0, 0),
        (_LOAD, 0, 0, _FORK_CHILD_TGID),
        (_IF_EQUAL_X, 5, 4, 0),
        (_LOAD, 0, 0, _FIRST_PID),
        (_COPY_TO_X, 0, 0, 0),
        (_LOAD, 0, 0, _FIRST_TGID),
        (_IF_EQUAL_X, 1, 0, 0),
        (_RETURN, 0, 0, 0),
        (_RETURN, 0, 0, 0xFFFFFFFF),
    )
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in code)


def _as_loaded(number: int) -> int:
    """
    Return a number in the byte order of BPF, which loads every word as big-endian.
    """
    return socket.htonl(number)
