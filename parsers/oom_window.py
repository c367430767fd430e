"""
Which lines of the kernel log are worth handing on: those that speak of an OOM, and all lines while one is
reported.

A report has lines that mean nothing by themselves (the task table, the memory statistics), so from `invoked
oom-killer` on everything is wanted until shortly after the kill. That saves the readers from parsing a busy
log.
"""

from typing import Final

from parsers.kmsg import concerns_oom

_REPORT_US: Final = 2_000_000
_AFTER_KILL_US: Final = 300_000
_REPORT_LINES: Final = 5000
_AFTER_KILL_LINES: Final = 200
_BEGINNING: Final = "invoked oom-killer"
_KILL: Final = "Killed process"


class OomWindow:
    """
    Follows one kernel log. A line without a time is judged by the count of lines alone.
    """

    def __init__(self) -> None:
        self._open_until_us: int | None = None
        self._lines_left = 0

    @property
    def closed(self) -> bool:
        """
        Whether only lines that concern an OOM by themselves are wanted.
        """
        return not self._lines_left

    def wants(self, text: str, monotonic_us: int | None) -> bool:
        """
        Whether a line is to be handed on.

        Args:
            text: the message.
            monotonic_us: microseconds since boot, on the kernel's log clock.
        """
        if concerns_oom(text):
            if _BEGINNING in text:
                self._open(monotonic_us, _REPORT_US, _REPORT_LINES)
            elif _KILL in text:
                self._open(monotonic_us, _AFTER_KILL_US, _AFTER_KILL_LINES)
            return True
        if not self._lines_left:
            return False
        self._lines_left -= 1
        return monotonic_us is None or self._open_until_us is None or monotonic_us <= self._open_until_us

    def _open(self, monotonic_us: int | None, for_us: int, lines: int) -> None:
        self._open_until_us = monotonic_us + for_us if monotonic_us is not None else None
        self._lines_left = lines
