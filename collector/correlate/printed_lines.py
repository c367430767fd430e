"""
Remembers when the kernel printed lines about crashes: it prints ten in five seconds, and leaves out further ones.

That explains a crash without a line at such a moment. The limit is one for all processes of the host
(kernel.printk_ratelimit, kernel.printk_ratelimit_burst); of lines that were left out the kernel only says how many, and
only right before the next one that it prints (lib/ratelimit.c).
"""

from collections import deque
from typing import Final

from parsers.kernel import KernelNotice, NoticeKind

# The kernel's defaults.
_INTERVAL_NS: Final = 5_000_000_000
_BURST: Final = 10
_KEPT: Final = 64
_GAPS_KEPT: Final = 16
# A line is printed right before the process ends, and the clocks of kernel log and connector differ a little.
_SLACK_NS: Final = 50_000_000
# Without auditd, records of the audit subsystem are printed under the same limit.
_KINDS: Final = frozenset(
    {
        NoticeKind.SEGFAULT,
        NoticeKind.GENERAL_PROTECTION,
        NoticeKind.INVALID_OPCODE,
        NoticeKind.TRAP,
        NoticeKind.ABNORMAL_END,
        NoticeKind.SECCOMP,
    }
)


class PrintedLines:
    """
    The latest lines of one kernel that are printed under the limit.
    """

    def __init__(self) -> None:
        self._printed_ns: deque[int] = deque(maxlen=_KEPT)
        # From the last line before some were left out to the one that says so.
        self._gaps_ns: deque[tuple[int, int]] = deque(maxlen=_GAPS_KEPT)

    def add(self, notice: KernelNotice, at_ns: int | None) -> None:
        """
        Note a line, with the number of those that were left out before it.
        """
        if at_ns is None or notice.is_reported or notice.kind not in _KINDS:
            return
        if notice.suppressed:
            earlier_ns = (printed_ns for printed_ns in self._printed_ns if printed_ns < at_ns)
            self._gaps_ns.append((max(earlier_ns, default=at_ns - _INTERVAL_NS), at_ns))
        self._printed_ns.append(at_ns)

    def has_left_out(self, at_ns: int | None) -> bool:
        """
        Return whether the kernel had reached the limit at a moment, or says that it left out lines around it.
        """
        if at_ns is None:
            return False
        if any(from_ns - _SLACK_NS <= at_ns <= until_ns + _SLACK_NS for from_ns, until_ns in self._gaps_ns):
            return True
        before = sum(1 for printed_ns in self._printed_ns if 0 <= at_ns + _SLACK_NS - printed_ns <= _INTERVAL_NS)
        return before >= _BURST
