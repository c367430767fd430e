"""
Text from outside as a chat may show it: escaped, on one line, and cut to the chat's limits.
"""

import re
from collections.abc import Mapping
from typing import Final

from sinks.text import printable_output

_CUT: Final = "…"
_TOKENS: Final = re.compile(r"://|[wW]{3}\.|.", re.DOTALL)
# A space in the last fifth of the text is a good place to cut; cutting earlier would lose too much.
_NEAR_END: Final = 0.8


def escape_and_cut(text: str, max_units: int, escapes: Mapping[str, str]) -> str:
    """
    Return a text on one line, escaped, and cut with `…` if it is too long; an escape is never cut in two.

    Args:
        text: any text.
        max_units: the limit in UTF-16 code units; chats count these, or fewer.
        escapes: replacements for a character, for `://` or for `www.`.
    """
    pieces = [escapes.get(token, token) for token in _TOKENS.findall(printable_output(text).strip())]
    if sum(map(_units, pieces)) <= max_units:
        return "".join(pieces)
    taken: list[str] = []
    left = max_units - len(_CUT)
    for piece in pieces:
        left -= _units(piece)
        if left < 0:
            break
        taken.append(piece)
    spaces = [index for index, piece in enumerate(taken) if piece == " " and index >= _NEAR_END * len(taken)]
    return "".join(taken[: spaces[-1]] if spaces else taken) + _CUT


def _units(text: str) -> int:
    return len(text) + sum(char > "\uffff" for char in text)
