"""
Finds the values of names that sound like secrets: `password = x`, `"token": "x"`, `--secret x`, `<pwd>x</pwd>`, and the
same in reprs, nested JSON, URLs, HTML and tables.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from sinks.masking import extent
from sinks.masking.extent import Name
from sinks.masking.headers import SCHEME, header_value, is_header, login
from sinks.masking.names import LONGEST_NAME, SECRET_WORDS, SHORT_WORDS, Weight, weight_of
from sinks.masking.syntax import BLANK, EQUALS, QUOTE, Span, closing, one_of
from sinks.masking.values import is_prose

_NAME: Final = re.compile(r"[^\W\d][\w.\-]*+")
_BLANKS: Final = rf"{BLANK}{{0,40}}"
# What a language puts around a value: b'x', Some("x"), ["x"], {"value": "x"}.
_WRAPPER: Final = (
    r"(?:[bBuUrRfNn@]{1,2}(?=[\"'\\])|(?:Some|Just|String|SecretStr|str)\(|[\[(]{1,2}"
    rf"|\{{\s{{0,4}}{QUOTE}?(?:value|S){QUOTE}?\s{{0,4}}[:=]\s{{0,4}})?"
)
_ASSIGNED: Final = re.compile(
    rf"{QUOTE}?[)\]]?(?P<before>{_BLANKS})(?P<equals>{EQUALS})(?P<blank>{_BLANKS})"
    rf"(?P<wrapper>{_WRAPPER})(?P<quote>{QUOTE})?"
)
# The name is itself a value: {"name": "PASSWORD", "value": "x"}, <add key="password" value="x">.
_NAMED: Final = re.compile(
    rf"{QUOTE}?{_BLANKS}[,;}}]?{_BLANKS}{QUOTE}?(?:value|val|Value|VALUE){QUOTE}?{_BLANKS}{EQUALS}{_BLANKS}"
    rf"(?P<quote>{QUOTE})?"
)
# <password type="a">x</password>, <key>password</key><string>x</string>, <entry key="password">x</entry>
_ELEMENT: Final = re.compile(
    rf"(?:</\w{{1,40}}>\s{{0,40}}<\w{{1,40}}>|{QUOTE}?(?:\s[^<>]{{0,200}})?>)(?!>)\s{{0,40}}(?:<!\[CDATA\[)?"
)
_CALLED: Final = re.compile(rf"[ \t]?\(\s{{0,8}}(?P<quote>{QUOTE})")
_CELL: Final = re.compile(r"[ \t]{1,80}[|│][ \t]{0,80}(?=[^\s|│])")
_SPACED: Final = re.compile(
    rf"{QUOTE}?(?:[ \t]|%20){{1,8}}(?P<verb>(?:(?:is|was|now|set|to|changed|be|of)[ \t]{{1,8}}){{0,3}})"
    rf"(?:[:=][ \t]{{0,8}})?(?P<quote>{QUOTE})?"
)
# A line that holds none of these holds no secret name.
_MENTION: Final = re.compile(one_of((*SECRET_WORDS, *SHORT_WORDS)))
_IN_URL: Final = frozenset("?&;")
_BRACKETS: Final = frozenset({"[", "(", "[[", "(("})
# Nouns that a message puts before the value itself: `token x`.
_NOUNS: Final = frozenset({"token", "secret", "bearer", "apikey", "api_key", "jwt", "key"})


def secret_values(text: str, lower: str) -> Iterator[Span]:
    """
    Yield the values of secret names.

    Args:
        text: one line.
        lower: the same in lower case.
    """
    if _MENTION.search(lower) is None:
        return
    position = 0
    while (found := _NAME.search(text, position)) is not None:
        position = found.end()
        word = found[0][-LONGEST_NAME:].rstrip(".-")
        weight = weight_of(word) if word else Weight.PLAIN
        if weight is Weight.PLAIN:
            continue
        end = position - len(found[0]) + len(found[0].rstrip(".-"))
        span = _value_of(Name(text, found.start(), end, word, weight))
        if span is not None:
            yield span
            position = max(position, span[1])


def _value_of(name: Name) -> Span | None:
    """
    Return the value of a name in the notation that is found after it.
    """
    found = _ASSIGNED.match(name.text, name.end)
    if found is not None:
        return _assigned(name, found)
    found = _NAMED.match(name.text, name.end)
    if found is not None:
        return extent.quoted_or_word(name, found)
    for pattern, read in _NOTATIONS:
        found = pattern.match(name.text, name.end)
        span = read(name, found) if found is not None else None
        if span is not None:
            return span
    return None


def _assigned(name: Name, found: re.Match[str]) -> Span | None:
    if found["equals"] == "->" and not found["before"]:
        return None  # a pointer or a method, not a pair
    if is_header(name) and found["wrapper"] not in _BRACKETS:
        return header_value(name, found)
    pair = login(name, found.start("blank"))
    if pair is not None:
        return pair
    if found["quote"]:
        return extent.quoted(name, found)
    return _unquoted(name, found)


def _unquoted(name: Name, found: re.Match[str]) -> Span | None:
    begin = found.end()
    if found["wrapper"] in _BRACKETS:
        return extent.bracketed(name, begin, found["wrapper"])
    scheme = SCHEME.match(name.text, begin)
    if scheme is not None:
        span = extent.word_at(name.text, scheme.end())
        return span if span is not None and not is_prose(name.text[slice(*span)]) else None
    if name.before in _IN_URL and name.weight is Weight.PERHAPS:
        return extent.parameter(name, begin)
    has_colon = ":" in found["equals"]
    if has_colon or found["blank"] or found["before"]:
        return extent.phrase(name, begin, may_be_prose=has_colon)
    return extent.one_word(name, begin)


def _element(name: Name, found: re.Match[str]) -> Span | None:
    """
    Return the text of an element whose tag has the name: `<password`, `<ns:password`, `<key>password`, `key="password`.
    """
    tag = name.text[max(name.start - LONGEST_NAME, 0) : name.start]
    opens = tag.rfind("<") > tag.rfind("</")
    return extent.checked(name, found.end(), name.text.find("<", found.end())) if opens else None


def _called(name: Name, found: re.Match[str]) -> Span | None:
    """
    Return the quoted arguments of a call: `setPassword("x")`, `credentials ('me', 'x')`.
    """
    if name.weight is not Weight.SECRET:
        return None
    closed = closing(name.text, found.end(), found["quote"])
    end = name.text.find(")", closed)
    return extent.checked(name, found.start("quote"), end if end >= 0 else closed)


def _cell(name: Name, found: re.Match[str]) -> Span | None:
    """
    Return the next cell of a table: `| password | x |`.
    """
    is_cell = name.weight is Weight.SECRET and name.before in ("", " ", "|", "│")
    return extent.generated_word(name, found.end()) if is_cell else None


def _spaced(name: Name, found: re.Match[str]) -> Span | None:
    """
    Return the value after blanks: of an option, or a word that looks generated after `password` or `password is`.
    """
    if name.before == "/" or name.text.startswith("--", found.end()):
        return None
    is_option = name.before == "-"
    if found["quote"]:
        return extent.quoted(name, found) if is_option or name.is_password else None
    if name.weight is not Weight.SECRET:
        return None
    if is_option:
        return extent.one_word(name, found.end())
    if name.is_password or found["verb"].startswith(("is", "was")):
        return extent.generated_word(name, found.end())
    return extent.random_word(name, found.end()) if name.word.lower() in _NOUNS else None


# Tried in this order; a notation that has no secret leaves the name to the next.
_NOTATIONS: Final[tuple[tuple[re.Pattern[str], Callable[[Name, re.Match[str]], Span | None]], ...]] = (
    (_ELEMENT, _element),
    (_CALLED, _called),
    (_CELL, _cell),
    (_SPACED, _spaced),
)
