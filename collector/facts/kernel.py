"""
Define what the sources observe of the kernel log and of the tasks that its lines name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from parsers.cgroup_path import ContainerRef
from parsers.kernel import (
    KernelNotice,
    NoticeDetail,
    Suppressed,
    concerns_notice,
    may_be_detail,
    parse_coredump,
    parse_detail,
    parse_notice,
)
from parsers.oom.facts import KernelLine
from parsers.untyped import int_of
from sinks.event import EvidenceSource

_NS_PER_US: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTask:
    """
    A task that a line names, as /proc showed it when the line was read; it had been started before the line.

    Attributes:
        pid: of its process.
        container: of its process; None where it is in none.
    """

    pid: int
    container: ContainerRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFact:
    """
    A line of the kernel log, from /dev/kmsg or from the journal.

    Attributes:
        notice: what the line says, where it is a kernel notice.
        detail: what the line adds to the notice before it, or to the one after it.
        task: that the line names, where it still ran.
        owner: of what that task waits for, as the line names it, where that one still ran.
    """

    source: EvidenceSource
    line: KernelLine
    notice: KernelNotice | None = None
    detail: NoticeDetail | Suppressed | None = None
    task: LiveTask | None = None
    owner: LiveTask | None = None

    @property
    def occurred_at_ns(self) -> int | None:
        """The time of the line; None where the clocks cannot be joined."""
        return self.line.at_ns

    @property
    def clock_ns(self) -> int | None:
        """The time of the line on the clock of its log."""
        return clock_ns(self.line)


def clock_ns(line: KernelLine) -> int | None:
    """
    Return the time of a line on the clock of its log: since 1970, or since boot where nothing joins the two.
    """
    if line.at_ns is not None or line.monotonic_us is None:
        return line.at_ns
    return line.monotonic_us * _NS_PER_US


def core_dump_fact(line: KernelLine, fields: Mapping[str, str]) -> KernelFact | None:
    """
    Return the fact of a report of systemd-coredump, at the time of the crash if the report says when that was.

    Args:
        line: its text with the stack.
        fields: those of its fields that begin with COREDUMP_, without that.
    """
    notice = parse_coredump(line.text, fields)
    if notice is None:
        return None
    crashed_us = int_of(fields.get("TIMESTAMP"))
    at_ns = int_of(crashed_us * _NS_PER_US) if crashed_us is not None else line.at_ns
    sentence = line.text.partition("\n")[0] or f"COREDUMP_PID={fields.get('PID')}"
    return KernelFact(source=EvidenceSource.JOURNALD, line=replace(line, text=sentence, at_ns=at_ns), notice=notice)


def kernel_fact(source: EvidenceSource, line: KernelLine) -> KernelFact:
    """
    Return the fact of a line, which is parsed here and nowhere else if it may be a kernel notice.
    """
    notice = parse_notice(line.text) if concerns_notice(line.text) else None
    detail = parse_detail(line.text) if may_be_detail(line.text) else None
    return KernelFact(source=source, line=line, notice=notice, detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadCrashedFact:
    """
    A thread got a signal that ends its process with a core dump, whether or not one is written.

    Attributes:
        tid: the thread, which the kernel log names.
        pid: its process.
        container: of the process, known while it ran.
    """

    tid: int
    pid: int
    container: ContainerRef
    at_ns: int

    @property
    def occurred_at_ns(self) -> int:
        """The time of the signal."""
        return self.at_ns
