"""
Finds private keys in the PEM format (RFC 7468), also those whose first or last lines are missing.
"""

import re
from collections.abc import Sequence
from typing import Final

from sinks.masking.syntax import Span

_BEGIN: Final = re.compile(
    r"-{4,5} ?BEGIN [\w ]{0,40}PRIVATE KEY(?: BLOCK)?-{4,5}|-{4,5} BEGIN SSH2 ENCRYPTED PRIVATE KEY -{4}"
)
_END: Final = re.compile(r"-{4,5} ?END [\w ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}")
# What a key may hold on one line: Base64, and line ends as JSON escapes them.
_MATERIAL: Final = re.compile(r"(?:[A-Za-z0-9+/=]|\\{1,16}+[nr])+$")
_LINE: Final = re.compile(r"(?:.{0,80}\s|[^\w]{0,8})?[A-Za-z0-9+/]{1,76}={0,2}[\"',]?\s*")
# A full line of a key, possibly after a log's prefix; certificates look the same and are masked too.
_FULL_LINE: Final = re.compile(
    r"(?:.{0,80}[\s|\"'])?((?=[A-Za-z/+]{0,64}\d)(?=[a-z0-9/+]{0,64}[A-Z])[A-Za-z0-9+/]{64})[\"',]?\s*"
)
_HEADER: Final = re.compile(
    r"(?:.{0,80}\s)?(?:Proc-Type|DEK-Info|Comment|Version|Subject|Encryption|Private-Lines|Private-MAC)\b.*|\s*"
)
_MARK: Final = "PRIVATE KEY"


def key_spans(text: str) -> list[Span]:
    """
    Return the parts of one line that belong to a private key that begins or ends on it.
    """
    if _MARK not in text:
        return []
    spans: list[Span] = []
    position = 0
    while (begin := _BEGIN.search(text, position)) is not None:
        end = _END.search(text, begin.end())
        position = end.end() if end is not None else len(text)
        spans.append((begin.start(), position))
    end = _END.search(text)
    if end is not None and (not spans or end.start() < spans[0][0]):
        material = _MATERIAL.search(text[: end.start()][-16_384:])
        start = end.start() - (len(material[0]) if material is not None else 0)
        spans.append((start, end.end()))
    return spans


def lines_of_keys(lines: Sequence[str]) -> set[int]:
    """
    Return the numbers of the lines that belong to a private key: of every key, whatever part of it is there.
    """
    found: set[int] = set()
    in_key = False
    for number, line in enumerate(lines):
        if _MARK in line:
            begins = _last_of(_BEGIN, line)
            ends = _last_of(_END, line)
            if ends >= 0 and not in_key and begins < 0:
                found.update(_before(lines, number))
            if in_key or ends >= 0 or begins >= 0:
                found.add(number)
            in_key = begins > ends
        elif in_key:
            in_key = _LINE.fullmatch(line) is not None or _HEADER.fullmatch(line) is not None
            if in_key:
                found.add(number)
    return found | _full_lines(lines)


def _last_of(pattern: re.Pattern[str], line: str) -> int:
    return max((match.start() for match in pattern.finditer(line)), default=-1)


def _before(lines: Sequence[str], number: int) -> list[int]:
    """
    Return the lines before the end of a key whose beginning is missing.
    """
    first = number
    while first and _LINE.fullmatch(lines[first - 1]) is not None:
        first -= 1
    return list(range(first, number))


def _full_lines(lines: Sequence[str]) -> set[int]:
    """
    Return the lines in the middle of a key of which neither the beginning nor the end is there.
    """
    full = [_FULL_LINE.fullmatch(line) is not None for line in lines]
    return {number for number, is_full in enumerate(full) if is_full and _has_neighbour(full, number)}


def _has_neighbour(full: Sequence[bool], number: int) -> bool:
    return (number > 0 and full[number - 1]) or (number + 1 < len(full) and full[number + 1])
