"""
Pieces of patterns that the rules share: quotes, blanks and equals signs, also as JSON, URLs and HTML encode them.

Every repetition is bounded or possessive, so that a pattern takes time in proportion to the text.
"""

import re
from collections.abc import Iterable
from typing import Final, TypeAlias

# Start and end of a secret in a text.
Span: TypeAlias = tuple[int, int]

QUOTE: Final = r"(?:\\{0,16}+[\"'`]|&quot;|&#3[49];|&apos;|%22|%27|\\{1,16}+u002[27]|\\{1,16}+x2[27])"
BLANK: Final = r"(?:[ \t]|%20|&nbsp;|\\[tn])"
EQUALS: Final = r"(?:=>|:=|->|==|[=:]|%3[AaDd]|&#6[1];|&#58;|\\{1,16}+u003[aAdD]|\\{1,16}+x3[aAdD])"
_CLOSERS: Final = {'"': re.compile(r'(\\*+)"'), "'": re.compile(r"(\\*+)'"), "`": re.compile(r"(\\*+)`")}


def closing(text: str, start: int, quote: str) -> int:
    """
    Return where a quoted value ends: at its closing quote, or at the end of the text.

    Args:
        text: the text.
        start: the first character after the opening quote.
        quote: the opening quote as it is written, with the backslashes before it.
    """
    pattern = _CLOSERS.get(quote[-1])
    if pattern is None:
        end = text.find(quote, start)
        return end if end >= 0 else len(text)
    depth = len(quote) - 1
    position = start
    while (found := pattern.search(text, position)) is not None:
        escapes = len(found[1])
        if (escapes <= depth if depth else escapes % 2 == 0) and not _is_doubled(text, start, found):
            return found.start() if depth else found.end() - 1
        position = found.end() + (1 if text[found.end() : found.end() + 1] == "'" == quote else 0)
    return len(text)


def one_of(words: Iterable[str]) -> str:
    """
    Return a pattern that matches any of the words, as a tree: three times as fast as a list of them.

    Args:
        words: none of them empty; of two that begin alike, the shorter one matches.
    """
    rests: dict[str, list[str]] = {}
    for word in words:
        rests.setdefault(word[0], []).append(word[1:])
    branches = (
        re.escape(first) + ("" if "" in rest else one_of(rest) if len(rest) > 1 else re.escape(rest[0]))
        for first, rest in rests.items()
    )
    return f"(?:{'|'.join(branches)})"


def _is_doubled(text: str, start: int, found: re.Match[str]) -> bool:
    """
    Return whether a single quote is escaped as SQL and YAML do it, by another one.
    """
    end = found.end()
    return found[0] == "'" and found.start() > start and text[end : end + 1] == "'"
