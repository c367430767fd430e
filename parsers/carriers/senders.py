"""
Define the patterns of the host and the program that tools print in front of a message, and split them off.
"""

import re
from typing import Final

# Structured data of RFC 5424.
_STRUCTURED: Final = r"(?:\[[^\s\[\]=]{1,32}(?: [^\s\[\]=]{1,32}=\"[^\"\n]{0,256}\"){0,16}\])+"
# Older tools leave more blanks before the kernel's stamp.
_COLON: Final = r": ?(?: +(?=\[ *[0-9]{1,12}\.[0-9]))?"
# `host name[pid]: `, and the same in the form of RFC 5424: `host name pid - - `.
SENDER: Final = re.compile(
    r"\s*(?:(?P<host>(?!\{)[^\s\[\]]{0,255}[^\s\[\]:])\s+(?:[a-z]{3,8}[0-7]?\.[a-z]{3,7} )?)?"
    r"(?P<name>[^\s:\[\]]{1,64}(?:\[[^\s\[\]]{0,20}\])?)"
    rf"(?:{_COLON}| (?:-|[0-9]{{1,10}}) (?:-|[^\s\[\]]{{1,32}}) (?:-|{_STRUCTURED})(?: |$)\ufeff?)"
)
# Without a date in front, a sender is only what the kernel itself cannot have printed.
BARE_SENDER: Final = re.compile(
    rf"(?:(?P<host>[^\s:\[\]]{{1,255}})\s+)?(?P<name>kernel|[^\s:\[\]]{{1,64}}\[[0-9]{{1,10}}\]){_COLON}"
)


def split_sender(text: str) -> tuple[str | None, str]:
    """
    Split a message into the name that a program gave itself, if any, and the rest.
    """
    match = BARE_SENDER.match(text)
    return (match["name"], text[match.end() :]) if match is not None else (None, text)
