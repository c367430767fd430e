"""
Finds the values of HTTP headers and of logins, which have a syntax of their own:
`Authorization: Basic x`, `auth=("me", "x")`.
"""

import re
from typing import Final

from sinks.masking.extent import Name, word_at
from sinks.masking.syntax import Span, closing
from sinks.masking.values import is_placeholder, is_prose

SCHEME: Final = re.compile(
    r"(?:bearer|basic|digest|negotiate|token|apikey|key|aws4-hmac-sha256|hmac|plain|ntlm|sso-key)(?:[ \t]|%20|\+){1,8}",
    re.IGNORECASE,
)
_HEADERS: Final = ("authorization", "cookie", "cookie2")
_LOGINS: Final = frozenset({"auth", "basicauth", "basic_auth", "userpwd"})
_LOGIN: Final = re.compile(
    r"\s{0,8}(?:\((?P<call>[\"'][^()]{1,200})\)|[\"']?\w[\w.\-@]{0,63}:(?P<word>[^\s\"'/:]{4,128}))(?!\d)"
)
_LINE_END: Final = re.compile(r"\\{1,16}+[rn]|$")
_MOST_ESCAPES: Final = 16


def is_header(name: Name) -> bool:
    """
    Return whether a name is that of a header whose whole value is secret.
    """
    return name.word.lower().endswith(_HEADERS)


def header_value(name: Name, found: re.Match[str]) -> Span | None:
    """
    Return the value of a header without its scheme: to the closing quote, or to the end of the line.
    """
    begin = found.end()
    scheme = SCHEME.match(name.text, begin)
    begin = scheme.end() if scheme is not None else begin
    if found["quote"]:
        return _filled(name, begin, closing(name.text, begin, found["quote"]))
    span, end = word_at(name.text, begin), _end_of_line(name, begin)
    if span is None or is_placeholder(name.text[slice(*span)]) or is_prose(name.text[begin:end]):
        return None
    return _filled(name, begin, end)


def login(name: Name, begin: int) -> Span | None:
    """
    Return the password of a user and a password: `auth=('me', 'x')`, `auth: me:x`.
    """
    found = _LOGIN.match(name.text, begin) if name.word.lower() in _LOGINS else None
    return found.span(found.lastgroup or 0) if found is not None else None


def _filled(name: Name, begin: int, end: int) -> Span | None:
    return (begin, end) if begin < end and not is_placeholder(name.text[begin:end]) else None


def _end_of_line(name: Name, begin: int) -> int:
    """
    Return where the value of a header ends: at the quote that opened before its name, else at the end of the line.
    """
    text = name.text
    if name.before in ("'", '"', "`"):
        quote = text[max(name.start - _MOST_ESCAPES, 0) : name.start]
        escapes = len(quote) - 1 - len(quote[:-1].rstrip("\\"))
        return closing(text, begin, quote[len(quote) - 1 - escapes :])
    ended = _LINE_END.search(text, begin)
    return ended.start() if ended is not None else len(text)
