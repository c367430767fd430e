"""
Find the lines that speak of an OOM kill, whether they can be read or not.

A text in which nothing can be read is not a text without a kill: then these lines are counted and the first is named.
"""

import re
from collections.abc import Iterable
from typing import Final

# Each mention has one of these, in small letters; nearly all lines of a log have none.
_NEEDLES: Final = ("oom", "out of memory", "constraint_", "killed process")
_KILL: Final = re.compile(
    r"invoked oom-killer|oom-kill:|CONSTRAINT_(?:NONE|MEMCG|CPUSET|MEMORY_POLICY)"
    r"|out of memory\W{0,3}.{0,60}?\bkill|\boom[ _-]?killer\b.{0,20}?\bkilled|\bkilled by the oom\b|\boom[ _-]?killed\b"
    r"|oom_reaper: reaped|result 'oom-kill'|\bOOM encountered\b|\bcontainer oom\b"
    r"|(?<!SAK: )\bkilled process [0-9]",
    re.IGNORECASE,
)
_NOT_KILLED: Final = re.compile(r"oom_?killed\W{1,6}(?:false|no|0)\b", re.IGNORECASE)
_LENGTH_AT_MOST: Final = 4096


def may_mention_kill(text: bytes) -> bool:
    """
    Return whether any line of a text may speak of an OOM kill.
    """
    low = text.lower()
    return any(needle.encode() in low for needle in _NEEDLES)


def mentions_kill(text: str) -> bool:
    """
    Return whether a line speaks of an OOM kill.
    """
    low = text[:_LENGTH_AT_MOST].lower()
    if not any(needle in low for needle in _NEEDLES):
        return False
    return _KILL.search(_NOT_KILLED.sub("", text[:_LENGTH_AT_MOST])) is not None


def count_mentions(lines: Iterable[str]) -> tuple[int, int | None]:
    """
    Count the lines that speak of an OOM kill; return also the number of the first, from 1.
    """
    numbers = [number for number, line in enumerate(lines, start=1) if mentions_kill(line)]
    return len(numbers), numbers[0] if numbers else None
