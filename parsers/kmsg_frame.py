r"""
Look at records of /dev/kmsg cheaply: which of them can matter, and their frames (see parsers/kmsg.py for the format).

A host writes thousands of records that say nothing about an OOM or a crash, and half of a report says nothing either.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from parsers.kmsg import US_AT_MOST
from parsers.oom.window import CARRIED, INSIDE, concerns_oom, names_cpuset

# A header has at most four numbers, the flags, a caller and a name; anything longer is not one.
_HEADER_LENGTH_AT_MOST: Final = 512
_FIELDS_AT_LEAST: Final = 3
_FRAGMENT_FLAGS: Final = frozenset("c+")
_CALLER: Final = ",caller="
_NAME: Final = ",comm="
# The name of a process, the last field of new headers, may have a semicolon.
_NAMED: Final = re.compile(r"([^;]*?),comm=[^\n]{0,15};")
# The header of nearly all records of the kernel: no fragment, no name of a process.
_USUAL: Final = r"[0-7],[0-9]{1,20}+,(?P<time_us>[0-9]{1,15}+),(?P<rest>-(?:,caller=[TC][0-9]++)?+);"
# A record, decoded as Latin-1, that by its form may be a part of a report: with such a line, or with another header. If
# the line before it can carry its message, the message is in the last group.
OF_REPORT: Final = re.compile(rf"(?:{_USUAL})?+(?(rest)(?:(?P<carried>(?:{CARRIED})[ -~]*+)\n?\Z|{INSIDE})|[0-7],)")


class Frame(NamedTuple):
    """
    The parts of a record.

    Attributes:
        priority: facility * 8 + level.
        seq: number of the record since boot.
        monotonic_us: microseconds since boot on the kernel's log clock.
        rest: the header behind these numbers, without the name: flags and caller.
        text: decoded as Latin-1, with its escapes; it is for searching, unless `is_plain`.
    """

    priority: int
    seq: int
    monotonic_us: int
    rest: str
    text: str

    @property
    def is_fragment(self) -> bool:
        """
        Whether the record continues an earlier one.
        """
        return self.rest[:1] in _FRAGMENT_FLAGS

    @property
    def caller(self) -> str | None:
        """
        The printer of a plain record, `T<tid>` or `C<cpu>`, if the kernel was built with CONFIG_PRINTK_CALLER.
        """
        return self.rest.partition(_CALLER)[2].partition(",")[0] or None

    @property
    def is_plain(self) -> bool:
        """
        Whether the text is the message as it is, without escapes and properties.
        """
        text = self.text
        return "\\" not in text and "\n" not in text and text.isascii()


def frame(record: bytes) -> Frame | None:
    """
    Split a record; return None for garbage.
    """
    return frame_of(record.decode("latin-1"))


def frame_of(decoded: str) -> Frame | None:
    """
    Split a record that has been decoded as Latin-1; return None for garbage.
    """
    decoded = decoded.removesuffix("\n")
    head, separator, text = decoded.partition(";")
    if _NAME in head and (named := _NAMED.match(decoded)) is not None:
        head, text = named[1], decoded[named.end() :]
    try:
        priority, seq, monotonic_us, *rest = head.split(",", _FIELDS_AT_LEAST)
        framed = Frame(int(priority), int(seq), int(monotonic_us), rest[0] if rest else "", text)
    except ValueError:
        return None
    is_sound = separator and len(head) <= _HEADER_LENGTH_AT_MOST and 0 <= framed.monotonic_us <= US_AT_MOST
    return framed if is_sound else None


def are_next(records: Sequence[bytes], seq: int) -> bool:
    """
    Return whether records are the next ones after a number, without a hole: the numbers of the kernel always grow.
    """
    return _has_number(records[0], seq + 1) and _has_number(records[-1], seq + len(records))


def may_concern_oom(records: bytes) -> bool:
    """
    Return whether any of these records may concern an OOM (`concerns_oom`).
    """
    # In lower case two words are found by one search. Words at a seam only make more work.
    low = records.lower()
    return b"oom" in low or b"kill" in low or (b"mem" in low and (b"ut of mem" in low or b"locked on mem" in low))


def has_words_of_report(decoded: str) -> bool:
    """
    Return whether a record, decoded as Latin-1, may be a part of a report by its words.
    """
    return concerns_oom(decoded) or names_cpuset(decoded)


def _has_number(record: bytes, seq: int) -> bool:
    fields = record.split(b",", 2)
    return len(fields) == _FIELDS_AT_LEAST and fields[1] == b"%d" % seq
