"""
Take a line out of quotes, backticks, and the cells of a table.
"""

import re
from typing import Final

from parsers.carriers.message import Inner
from parsers.oom.line import parse_line
from parsers.oom.victim import Killed

_QUOTES: Final = re.compile(
    r"[\s>]*(?:(?:[-*+•]|[0-9]{1,4}[.)]) +)?(?P<open>`{1,3}|\"|'|\u201c)(?P<text>.*?)"
    r"(?P<close>`{1,3}|\"|'|\u201d)(?P<comma>[,;]?)\s*\Z",
    re.DOTALL,
)
_CLOSING: Final = {'"': '"', "'": "'", "\u201c": "\u201d"}
_SOURCE_CODE_INDENT: Final = 4
_PAIR: Final = 2


def unquoted(line: str) -> Inner | None:
    """
    Return the text between quotes or backticks, or in the longest cell of a table; None if the line has neither.
    """
    stripped = line.strip()
    if stripped.startswith("|") and stripped.endswith("|") and stripped.count("|") > _PAIR:
        cells = [cell.strip() for cell in stripped.strip("|").split(" | ")]
        return Inner(text=max(cells, key=len)) if len(cells) > 1 else None
    match = _QUOTES.match(line)
    if match is None or not match["text"]:
        return None
    if match["open"] != match["close"] and _CLOSING.get(match["open"]) != match["close"]:
        return None
    text = match["text"].replace('""', '"') if match["open"] == '"' else match["text"]
    indent = len(line) - len(line.lstrip())
    fact = parse_line(text)
    if (
        isinstance(fact, Killed)
        and not fact.sizes
        and (match["comma"] or indent >= _SOURCE_CODE_INDENT or "\t" in line[:1])
    ):
        return None  # a string in the source of a program
    return Inner(text=text.replace('\\"', '"'))
