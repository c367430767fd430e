"""
Parse what a task of a process is doing, and whether it is being killed: /proc/<pid>/task/<tid>/status, wchan and stack.

    Name:   dd
    State:  D (disk sleep)
    Tgid:   4512
    PPid:   4490
    TracerPid:      0
    NSpid:  4512    1
    SigPnd: 0000000000000100

Formats: proc_pid_status(5), proc_pid_stack(5). The name is escaped by the kernel, so it cannot hold a line of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from parsers.errors import ParseError

_NUMBER: Final = re.compile(rb"[0-9]{1,10}")
_SIGNALS: Final = re.compile(rb"[0-9a-f]{16}")
_SIGKILL_BIT: Final = 1 << 8
_ALL_SIGNALS: Final = (1 << 64) - 1
# SIGKILL and SIGSTOP reach even the first process of a PID namespace, from outside of it.
_UNSTOPPABLE: Final = 1 << 8 | 1 << 18
_FIRST_PID: Final = 1
# Fields of the stat file, counted from the state, which follows the name.
_FLAGS_FIELD: Final = 6
_PENDING_FIELD: Final = 28
_DIGITS: Final = 20
_DEAD: Final = frozenset({b"Z", b"X", b"x"})
# include/linux/sched.h
_PF_EXITING: Final = 0x4
_FRAME: Final = re.compile(rb"^\[<[0-9a-fx]{1,18}>\] (?P<name>[A-Za-z_][\w.]{0,127})", re.MULTILINE)
_OPEN_FILES: Final = re.compile(rb"^Max open files +(?P<soft>[0-9]{1,18}) ", re.MULTILINE)
_SYMBOL: Final = re.compile(rb"[A-Za-z_][\w.]{0,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """
    The needed fields of a status file.

    Attributes:
        name: at most 15 bytes; bytes that are not UTF-8 are kept as surrogates.
        state: the kernel's letter: R, S, D, T, t, Z, X, I.
        parent_pid: 0 if its parent is in another PID namespace.
        tracer_pid: the process that traces it; 0 if none does.
        namespace_pid: its pid in its own PID namespace; None before Linux 4.1.
        ignored: a bit for each signal that has no effect on it, the lowest for signal 1. The first process of a PID
            namespace ignores those that it has no handler for. One that is blocked may be read later.
        kill_pending: a SIGKILL was sent to it and has not taken effect.
    """

    name: str
    state: str
    pid: int
    parent_pid: int
    tracer_pid: int
    namespace_pid: int | None
    kill_pending: bool
    ignored: int = 0


def parse_task_status(text: bytes) -> TaskStatus:
    """
    Parse the status of a task.

    Raises:
        ParseError: a field is missing or has another form.
    """
    # A third of the time of a pattern for a line.
    fields = {key: value for key, tab, value in (line.partition(b":\t") for line in text.split(b"\n")) if tab}
    state = fields.get(b"State", b"")[:1]
    numbers = [_number(fields.get(key)) for key in (b"Tgid", b"PPid", b"TracerPid")]
    pending = [fields.get(key, b"") for key in (b"SigPnd", b"ShdPnd")]
    if b"Name" not in fields or not state.isalpha() or None in numbers or not all(map(_SIGNALS.fullmatch, pending)):
        raise ParseError("/proc/<pid>/task/<tid>/status (proc_pid_status(5))", text)
    pid, parent_pid, tracer_pid = (number or 0 for number in numbers)
    inner = fields.get(b"NSpid", b"").split()
    return TaskStatus(
        name=fields[b"Name"].decode("utf-8", "surrogateescape"),
        state=state.decode(),
        pid=pid,
        parent_pid=parent_pid,
        tracer_pid=tracer_pid,
        namespace_pid=_number(inner[-1]) if inner else None,
        kill_pending=any(int(signals, 16) & _SIGKILL_BIT for signals in pending),
        ignored=_ignored(fields, is_first=bool(inner) and _number(inner[-1]) == _FIRST_PID),
    )


def _ignored(fields: Mapping[bytes, bytes], *, is_first: bool) -> int:
    blocked, ignored, caught = (_mask(fields.get(key)) for key in (b"SigBlk", b"SigIgn", b"SigCgt"))
    if blocked is None or ignored is None or caught is None:
        return 0
    without_effect = ignored | (~caught if is_first else 0)
    return without_effect & ~blocked & _ALL_SIGNALS & ~_UNSTOPPABLE


def _mask(text: bytes | None) -> int | None:
    return int(text, 16) if text is not None and _SIGNALS.fullmatch(text) is not None else None


def signal_lines(status: bytes) -> bytes:
    """
    Return the lines about signals: while they are the same bytes, a task does the same with each signal.

    Comparing them takes a tenth of what parsing takes. Nothing is returned if the text has no such lines.
    """
    begin = status.find(b"\nSigPnd:\t")
    return status[begin:].partition(b"\nCap")[0] if begin >= 0 else b""


def is_ending(stat: bytes) -> bool:
    """
    Return whether /proc/<pid>/stat (proc_pid_stat(5)) shows a process that is being killed, exits or is dead.

    Cheaper than the status: its field `signal` has the pending signals of the first thread, SIGKILL among them.

    Raises:
        ParseError: the text is not of that format.
    """
    fields = stat[stat.rfind(b")") + 2 :].split(b" ", _PENDING_FIELD + 1)
    numbers = (fields[_FLAGS_FIELD], fields[_PENDING_FIELD]) if len(fields) > _PENDING_FIELD + 1 else (b"",)
    if not all(number.isdigit() for number in numbers):
        raise ParseError("/proc/<pid>/stat (proc_pid_stat(5))", stat)
    flags, pending = (int(number[:_DIGITS]) for number in numbers)
    return fields[0] in _DEAD or bool(flags & _PF_EXITING) or bool(pending & _SIGKILL_BIT)


def parse_open_files_limit(text: bytes) -> int | None:
    """
    Return how many files a process may have open, from /proc/<pid>/limits (proc_pid_limits(5)); None if unlimited.
    """
    match = _OPEN_FILES.search(text)
    return int(match["soft"]) if match is not None else None


def parse_wchan(text: bytes) -> str | None:
    """
    Return the kernel function that a task waits in; None if it does not wait, or the kernel does not tell (`0`).
    """
    match = _SYMBOL.fullmatch(text.strip(b"\0\n"))
    return match[0].decode("ascii", "replace") if match is not None else None


def parse_stack(text: bytes) -> tuple[str, ...]:
    """
    Return the kernel functions on the stack of a task, the innermost first.
    """
    return tuple(match["name"].decode("ascii", "replace") for match in _FRAME.finditer(text))


def _number(text: bytes | None) -> int | None:
    match = _NUMBER.fullmatch(text) if text is not None else None
    return int(match[0]) if match is not None else None
