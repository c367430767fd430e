r"""
Parse lines of a tracefs trace_pipe: who sent which signal to whom, and which process the OOM killer chose.

    "%16s-%-7d [cpu] flags seconds.microseconds: event: fields\n", or " CPU:1 [LOST 12 EVENTS]\n"

    bash-27095   [001] d..1.  1234.567890: signal_generate: sig=9 errno=0 code=0 comm=sleep pid=26981 grp=1 res=0
    crun-27090   [001] .....  1234.560000: sched_process_exec: filename=/usr/bin/crun pid=27090 old_pid=27090
    crun-27090   [001] .....  1234.580000: sched_process_exit: comm=crun pid=27090 prio=120
    java-4123    [000] .....  1234.600000: mark_victim: pid=4123 comm=java total-vm=9kB anon-rss=7kB file-rss:0kB …

The name of the running process is in the first 16 columns and may have any bytes. So may the `comm` of the fields,
which is why the patterns are anchored at the end. Before Linux 6.8, `mark_victim` has only the pid.
Sources: kernel/trace/trace_output.c (trace_print_context), include/trace/events/signal.h,
sched.h and oom.h.
"""

import re
from dataclasses import dataclass
from typing import Final

from parsers.errors import ParseError

_FORMAT: Final = "a line of trace_pipe: comm-pid [cpu] flags seconds.microseconds: event: fields"
_COMM_COLUMNS: Final = 16
_HEADER: Final = re.compile(
    rb"-([0-9]{1,10}) +(?:\([0-9 -]{1,12}\) +)?\[[0-9]{1,6}\] +(?:[^ ]{1,12} +)?"
    rb"([0-9]{1,12})\.([0-9]{6}): ([a-z_]{1,64}): "
)
_LOST: Final = re.compile(rb"\s*CPU:[0-9]{1,6} \[LOST (?:([0-9]{1,18}) )?EVENTS\]")
_SIGNAL: Final = re.compile(
    rb"sig=([0-9]{1,3}) errno=-?[0-9]{1,10} code=(-?[0-9]{1,10}) comm=(.*) pid=([0-9]{1,10}) grp=[0-9] res=([0-9])",
    re.DOTALL,
)
_VICTIM: Final = re.compile(rb"pid=([0-9]{1,10})(?: comm=(.*) total-vm=.*)?", re.DOTALL)
_EXEC: Final = re.compile(rb"filename=(.*) pid=([0-9]{1,10}) old_pid=[0-9]{1,10}", re.DOTALL)
# The group that died with the thread is printed since Linux 6.16.
_EXIT: Final = re.compile(rb"comm=(.*) pid=([0-9]{1,10}) prio=-?[0-9]{1,10}(?: group_dead=.*)?", re.DOTALL)
# What the kernel prints for a pid whose name it no longer has (trace_find_cmdline).
_UNKNOWN_COMM: Final = "<...>"
_US_PER_S: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalGenerated:
    """
    A signal was sent.

    Attributes:
        monotonic_us: microseconds on the clock that the trace instance is set to.
        sender_pid: the sender; if the kernel sent the signal, the process that was running.
        sender_comm: None if the kernel does not know the name any more.
        code: si_code: 0 kill(2), -6 tgkill(2), 128 the kernel.
        delivered: the signal was not ignored, already pending or dropped (TRACE_SIGNAL_DELIVERED).
    """

    monotonic_us: int
    sender_pid: int
    sender_comm: str | None
    signal: int
    code: int
    target_pid: int
    target_comm: str
    delivered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VictimMarked:
    """
    The OOM killer chose a process, with or without a line in the kernel log.
    """

    monotonic_us: int
    pid: int
    comm: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRun:
    """
    A process runs a program.

    Attributes:
        file: as it was given to execve.
    """

    monotonic_us: int
    pid: int
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEnded:
    """
    A task ended: a process, or one of its threads.
    """

    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsLost:
    """
    Events were lost because the buffer was full; `count` is None if the kernel does not know how many.
    """

    count: int | None


TraceLine = SignalGenerated | VictimMarked | ProgramRun | TaskEnded | EventsLost


def begins_line(raw: bytes) -> bool:
    """
    Return whether a text begins a line, and does not continue one whose `comm` has a newline.
    """
    return _LOST.match(raw) is not None or _HEADER.match(raw, _COMM_COLUMNS) is not None


def parse_line(raw: bytes) -> TraceLine | None:
    """
    Parse one line; return None for events that are not used.

    Args:
        raw: the line without the newline at its end; a `comm` may have newlines in it.

    Raises:
        ParseError: the text is not a line of trace_pipe, or was cut.
    """
    lost = _LOST.fullmatch(raw)
    if lost is not None:
        return EventsLost(count=int(lost[1]) if lost[1] is not None else None)
    header = _HEADER.match(raw, _COMM_COLUMNS)
    if header is None:
        raise ParseError(_FORMAT, raw)
    monotonic_us = int(header[2]) * _US_PER_S + int(header[3])
    fields = raw[header.end() :]
    if header[4] == b"mark_victim":
        return _victim(raw, fields, monotonic_us)
    if header[4] == b"sched_process_exec":
        return _program(raw, fields, monotonic_us)
    if header[4] == b"sched_process_exit":
        return _end(raw, fields)
    if header[4] == b"signal_generate":
        sender = _text(raw[:_COMM_COLUMNS].lstrip(b" "))
        return _signal(raw, fields, monotonic_us, int(header[1]), None if sender == _UNKNOWN_COMM else sender)
    return None


def _signal(raw: bytes, fields: bytes, monotonic_us: int, sender_pid: int, sender_comm: str | None) -> SignalGenerated:
    found = _SIGNAL.fullmatch(fields)
    if found is None:
        raise ParseError(_FORMAT, raw)
    return SignalGenerated(
        monotonic_us=monotonic_us,
        sender_pid=sender_pid,
        sender_comm=sender_comm,
        signal=int(found[1]),
        code=int(found[2]),
        target_comm=_text(found[3]),
        target_pid=int(found[4]),
        delivered=found[5] == b"0",
    )


def _program(raw: bytes, fields: bytes, monotonic_us: int) -> ProgramRun:
    found = _EXEC.fullmatch(fields)
    if found is None:
        raise ParseError(_FORMAT, raw)
    return ProgramRun(monotonic_us=monotonic_us, pid=int(found[2]), file=_text(found[1]))


def _end(raw: bytes, fields: bytes) -> TaskEnded:
    found = _EXIT.fullmatch(fields)
    if found is None:
        raise ParseError(_FORMAT, raw)
    return TaskEnded(pid=int(found[2]))


def _victim(raw: bytes, fields: bytes, monotonic_us: int) -> VictimMarked:
    found = _VICTIM.fullmatch(fields)
    if found is None:
        raise ParseError(_FORMAT, raw)
    comm = _text(found[2]) if found[2] is not None else None
    return VictimMarked(monotonic_us=monotonic_us, pid=int(found[1]), comm=comm)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
