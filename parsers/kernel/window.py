"""
Select the lines of one kernel log that are kernel notices, and the few lines after one that may add to it.
"""

from typing import Final

from parsers.kernel.recognition import concerns_notice

# A report of a crash on arm64 has some 20 lines of registers before and after those that matter.
_LINES_AFTER: Final = 24
_BEGINNINGS: Final = (
    "CPU: ", "Failing address", "epc", "PC is at", "pc : ", "sp : ", " in ", "in ", "  cache: ", "cache: ",
)  # fmt: skip
_WORDS: Final = "potentially unexpected fatal"
_SUPPRESSED: Final = "callbacks suppressed"


def may_be_detail(text: str) -> bool:
    """
    Return whether a line may add to the notice before it, or counts lines that were not printed before the next one.
    """
    return text.startswith(_BEGINNINGS) or _WORDS in text or _SUPPRESSED in text


class NoticeWindow:
    """
    Select the lines of one log, in their order.
    """

    def __init__(self) -> None:
        self._lines_left = 0

    @property
    def closed(self) -> bool:
        """
        Whether only lines that may be notices by themselves are selected.
        """
        return not self._lines_left

    def wants(self, text: str) -> bool:
        """
        Return whether a line can matter, and follow the log.
        """
        if concerns_notice(text):
            self._lines_left = _LINES_AFTER
            return True
        if self._lines_left:
            self._lines_left -= 1
            return may_be_detail(text)
        return _SUPPRESSED in text
