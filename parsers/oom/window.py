"""
Select the lines of a kernel log that can matter: lines about an OOM, and all lines while one is reported.

A report has lines that mean nothing alone (the task table, the memory statistics). So from `invoked oom-killer` until
shortly after the kill every line is selected that can carry a part of a report. The stack of the trigger, its registers
and the figures of the host, half of a report, carry none. The sources then need not parse the rest of a busy log.
"""

import re
from typing import Final

# How long every line is wanted, and how many lines at most: the limit for lines without a time, and a bound on forged
# reports.
_REPORT_US: Final = 2_000_000
_REPORT_LINES: Final = 5000
# After the kill, time for the other members of a group (memory.oom.group).
_AFTER_KILL_US: Final = 300_000
_AFTER_KILL_LINES: Final = 200
_BEGINNING: Final = "invoked oom-killer"
_KILL: Final = "Killed process"
# A pattern for the beginnings of the lines inside a report that `concerns_oom` does not find: `[` is the task table,
# `,` and `/` go on with a line that was printed in pieces.
INSIDE: Final = (
    r"[\[,]|\s*/|Task in /|Tasks state \(|CPU: |Pid: |memory(?:\+swap)?: |swap: |kmem: |Memory cgroup stats"
    r"|[0-9]+ pages "
    r"|\s*[a-z0-9_]+ [0-9]{1,19}(?![^\s\\])"  # a statistic; more may follow it in the same record
)
_INSIDE: Final = re.compile(INSIDE)
# Of these lines, those that begin nothing and end nothing. Each is too long to be the name of a process before `invoked
# oom-killer`, which may look like anything.
CARRIED: Final = (
    r"\[ *[0-9]{1,10}\] +(?:-?[0-9]{1,19} +){6}|\[ *pid *\] +uid +tgid |Tasks state \(memory|Memory cgroup stats"
    r"|(?:memory|memory\+swap|swap|kmem): usage [0-9]{1,20}kB, |CPU: [0-9]+ (?:UID: [0-9]+ )?PID: [0-9]+ Comm: "
    r"|[a-z0-9_]+ [0-9]{1,19}(?=\s*\Z|\\x0a|\n)|[0-9]+ pages [A-Za-z ]+(?=\s*\Z)"
)
_CARRIED: Final = re.compile(CARRIED)
# A line of a stack: functions of the kernel have such words in their names.
_STACK: Final = re.compile(r"\s*(?:\? )?[\w.]{1,128}\+0x[0-9a-f]{1,16}/0x[0-9a-f]{1,16}(?: \[\w{1,64}\])?\s*")


def concerns_oom(text: str) -> bool:
    """
    Return whether a line may belong to an OOM: cheap, and true for all lines that open, carry or end a report.

    Args:
        text: the message; bytes of any encoding may be given as Latin-1 (a search in str is faster than in bytes).
    """
    return (
        "oom" in text
        or "OOM" in text
        # `in` with a short needle first: most lines fail it, and the longer ones are not searched.
        or ("ill" in text and ("kill" in text or "Kill" in text))
        or ("mem" in text and ("ut of mem" in text or "locked on mem" in text))
    )


def names_cpuset(text: str) -> bool:
    """
    Return whether a line may be the one inside a report that begins with the name of a process.
    """
    return " cpuset=" in text


def is_carried(text: str) -> bool:
    """
    Return whether a line inside a report can be handed on with the line before it (`KernelLine.lines_after`).

    Such a line adds to the report that is open, and neither opens nor ends one.
    """
    return _CARRIED.match(text) is not None


class OomWindow:
    """
    Select the lines of one kernel log, in their order.
    """

    def __init__(self) -> None:
        self._open_until_us: int | None = None
        self._lines_left = 0

    @property
    def closed(self) -> bool:
        """
        Whether only lines that concern an OOM by themselves are selected.
        """
        return not self._lines_left

    def wants(self, text: str, monotonic_us: int | None, *, fragment: bool = False) -> bool:
        """
        Return whether a line can matter, and follow the log.

        Args:
            text: the message.
            monotonic_us: microseconds since boot on the kernel's log clock; without it only the count of lines decides.
            fragment: the line continues an earlier one.
        """
        if concerns_oom(text) and not _is_stack(text):
            if _BEGINNING in text:
                self._open(monotonic_us, _REPORT_US, _REPORT_LINES)
            elif _KILL in text:
                self._open(monotonic_us, _AFTER_KILL_US, _AFTER_KILL_LINES)
            return True
        if not self._lines_left:
            return False
        self._lines_left -= 1
        is_over = monotonic_us is not None and self._open_until_us is not None and monotonic_us > self._open_until_us
        return not is_over and (fragment or _INSIDE.match(text) is not None or names_cpuset(text))

    def skip(self) -> None:
        """
        Pass a line by that cannot matter; it counts all the same.
        """
        self._lines_left -= self._lines_left > 0

    def _open(self, monotonic_us: int | None, for_us: int, lines: int) -> None:
        self._open_until_us = monotonic_us + for_us if monotonic_us is not None else None
        self._lines_left = lines


def _is_stack(text: str) -> bool:
    return "+0x" in text and _STACK.fullmatch(text) is not None
