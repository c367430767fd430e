"""
Define what the sources observe of the kernel log and of the tasks that its lines name; never what a line means.
"""

from dataclasses import dataclass

from parsers.cgroup_path import ContainerRef
from parsers.oom.facts import KernelLine
from sinks.event import EvidenceSource


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
        task: that the line names, where it still ran.
        owner: of what that task waits for, as the line names it, where that one still ran.
    """

    source: EvidenceSource
    line: KernelLine
    task: LiveTask | None = None
    owner: LiveTask | None = None

    @property
    def occurred_at_ns(self) -> int | None:
        """The time of the line; None where the clocks cannot be joined."""
        return self.line.at_ns


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
