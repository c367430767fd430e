"""
Recognizes a kernel notice that a pasted text has twice: from dmesg and from a file, or from the kernel and from auditd.

A line is a copy of an earlier one with the same words if it was printed in another form, as its stamp and its sender
show, and the clocks of both agree. Two lines of one form are copies only if they have the same stamp.
"""

from dataclasses import dataclass
from typing import Final

from collector.facts.lru import LruDict
from collector.recordings.copies import clock_s_of, clocks_agree
from parsers.carriers.pasted import PastedLine
from parsers.kernel import words_of_record

# Bounds on memory: texts that are remembered, and lines of each.
_TEXTS_KEPT: Final = 4096
_LINES_KEPT: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Printed:
    """
    How a line was printed.

    Attributes:
        form: what differs between two logs: whether there is a stamp, and who wrote the line.
    """

    form: tuple[bool, str | None, bool]
    monotonic_us: int | None
    at_ns: int | None
    clock_s: int | None


class NoticeCopies:
    """
    The notices of one text.
    """

    def __init__(self) -> None:
        self._printed: LruDict[str, list[_Printed]] = LruDict(_TEXTS_KEPT)

    def is_copy(self, line: PastedLine) -> bool:
        """
        Return whether a line says what an earlier one has said; remember it otherwise.

        A line of another log is a copy of one line only, so the earlier one is then forgotten.
        """
        words = words_of_record(line.line.text)
        printed = _Printed(
            form=(line.line.monotonic_us is not None, line.identifier, words == line.line.text),
            monotonic_us=line.line.monotonic_us,
            at_ns=line.line.at_ns,
            clock_s=clock_s_of(line),
        )
        known = self._printed.get(words) or []
        original = next((other for other in known if _is_copy(printed, other)), None)
        if original is not None:
            if original.form != printed.form:
                known.remove(original)
            return True
        self._printed[words] = [*known, printed][-_LINES_KEPT:]
        return False


def _is_copy(one: _Printed, other: _Printed) -> bool:
    if one.form == other.form and (one.monotonic_us is None or one.monotonic_us != other.monotonic_us):
        return False
    return clocks_agree(one, other)
