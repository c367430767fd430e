"""
Masks a text line by line: the rules for one line, and what only several lines show.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from sinks.masking.addresses import passwords_of_users, users_of_urls, webhooks
from sinks.masking.forms import encoded_credentials, tokens
from sinks.masking.keys import key_spans, lines_of_keys
from sinks.masking.names import LONGEST_NAME, Weight, weight_of
from sinks.masking.pairs import secret_values
from sinks.masking.statements import announced_passwords, logins, short_options, sql_passwords
from sinks.masking.syntax import Span
from sinks.masking.values import is_generated, is_placeholder

MASK: Final = "***"
_SHORT: Final = 256
_REMEMBERED: Final = 4096
# A line that is longer is no name that stands alone.
_LONGEST_NAME_LINE: Final = 400

# A rule gets a line, and the same line in lower case.
_RULES: Final[tuple[Callable[[str, str], Iterator[Span]], ...]] = (
    secret_values,
    users_of_urls,
    passwords_of_users,
    webhooks,
    tokens,
    encoded_credentials,
    sql_passwords,
    logins,
    announced_passwords,
    short_options,
)
# Colours (ECMA-48), as bytes and as JSON and syslog escape them, and characters without width.
_COLOUR: Final = re.compile(
    r"(?:\x1b|\\{1,8}+u001[bB]|\\{1,8}+x1[bB]|\\{1,8}+033|\\{1,8}+e|#033|\^\[|\ufffd)\[[0-?]{0,32}[ -/]{0,8}[@-~]"
    r"|\[(?:0|\d\d)(?:;\d{1,3}){0,8}m|[\u200b-\u200d\u2060\ufeff\xad]"
)
_NUL: Final = "\0"
_NAME_ALONE: Final = re.compile(
    r"[\s\-]{0,40}(?:.{0,120}[\s\"'{,])?([^\W\d][\w.\-]{0,63})[\"']?\s{0,8}[:=]\s{0,8}(?P<block>[|>][+\-]?)?\s{0,8}"
)
_ASKED: Final = re.compile(r"(?:.{0,200}\W)?password(?:\W.{0,120})?:\s{0,8}", re.IGNORECASE)
_WORD_ALONE: Final = re.compile(r"\s*[\"']?(\S{4,128}?)[\"']?,?\s*")
_INDENTED: Final = re.compile(r"\s+\S")
# The name of a variable alone on its line; its value follows: `- name: DB_PASSWORD`.
_NAMED: Final = re.compile(r"[\s\-{]{0,80}[\"']?name[\"']?\s{0,8}:\s{0,8}[\"']?([^\W\d][\w.\-]{0,63})[\"']?,?\s{0,8}")
_VALUE: Final = re.compile(r"\s{0,80}[\"']?value[\"']?\s{0,8}:\s{0,8}\S.*")
_KEY_TAG: Final = re.compile(r"\s*<(key|name)>([\w.\- ]{1,64})</\1>\s*")


def mask_text(text: str) -> str:
    """
    Return a text with all secrets replaced by `***`; one without a secret is returned as it is.

    Args:
        text: any text, of one line or several.
    """
    if "\n" in text:
        return "\n".join(mask_lines(text.split("\n")))
    return _masked_short(text) if len(text) <= _SHORT else _masked(text)


def mask_named(name: str, value: str) -> str:
    """
    Return the value of a name, such as a label or a variable, with secrets masked: all of it if the name says so.
    """
    if weight_of(name[-LONGEST_NAME:]) is Weight.SECRET and not is_placeholder(value):
        return MASK
    return mask_text(value)


def mask_bytes(text: bytes) -> bytes:
    """
    Return a text with all secrets replaced; bytes that are not UTF-8 stay as they are.
    """
    decoded = text.decode("utf-8", "surrogateescape")
    masked = mask_text(decoded)
    return masked.encode("utf-8", "surrogateescape") if masked is not decoded else text


def mask_lines(lines: Sequence[str]) -> list[str]:
    """
    Return the lines of one text with all secrets replaced by `***`.

    Args:
        lines: in their order, without line ends.
    """
    hidden = lines_of_keys(lines) | _values_alone(lines)
    return [MASK if number in hidden else _masked(line) for number, line in enumerate(lines)]


@lru_cache(_REMEMBERED)
def _masked_short(line: str) -> str:
    """
    Mask a short line, of which events repeat many: names, images, paths.
    """
    return _masked(line)


def _masked(line: str) -> str:
    plain = _without_colours(line)
    lower = plain.lower()
    spans = key_spans(plain)
    for rule in _RULES:
        spans.extend(rule(plain, lower))
    return _replaced(plain, spans) if spans else line


def _without_colours(line: str) -> str:
    if line.isascii() and line.isprintable() and "[" not in line:
        return line
    return _COLOUR.sub("", line).replace(_NUL, " ")


def _replaced(text: str, spans: Iterable[Span]) -> str:
    """
    Return a text with each span replaced; spans that overlap or touch are replaced as one.
    """
    pieces: list[str] = []
    position = 0
    for start, end in sorted(spans):
        if start > position or not pieces:
            pieces += (text[position:start], MASK)
        position = max(position, end)
    return "".join([*pieces, text[position:]])


def _values_alone(lines: Sequence[str]) -> set[int]:
    """
    Return the numbers of lines that hold the value of a name on the line before: YAML, property lists, first starts.
    """
    hidden: set[int] = set()
    for number, line in enumerate(lines[:-1]):
        if number in hidden or len(line) > _LONGEST_NAME_LINE:
            continue
        stripped = line.rstrip()
        if stripped.endswith((":", "=", "|", ">", "-", "+")):
            hidden.update(_after_name(lines, number, stripped))
        elif _VALUE.fullmatch(lines[number + 1]) is not None and (named := _NAMED.fullmatch(line)) is not None:
            hidden.update((number + 1,) if weight_of(named[1]) is Weight.SECRET else ())
    return hidden


def _after_name(lines: Sequence[str], number: int, line: str) -> Iterator[int]:
    if (tag := _KEY_TAG.fullmatch(line)) is not None and weight_of(tag[2][-LONGEST_NAME:]) is Weight.SECRET:
        yield number + 1
        return
    named = _NAME_ALONE.fullmatch(line)
    if named is not None and weight_of(named[1]) is Weight.SECRET:
        yield from _block(lines, number, is_block=named["block"] is not None)
    elif _ASKED.fullmatch(line) is not None:
        yield from _block(lines, number, is_block=False)


def _block(lines: Sequence[str], number: int, *, is_block: bool) -> Iterator[int]:
    """
    Yield the lines of a block that is indented further than its name; else the next line, if it is one generated word.
    """
    indent = len(lines[number]) - len(lines[number].lstrip())
    following = number + 1
    while following < len(lines) and not lines[following].strip() and not is_block:
        following += 1
    if following >= len(lines):
        return
    if is_block:
        while following < len(lines) and (not lines[following].strip() or _indent(lines[following]) > indent):
            yield following
            following += 1
        return
    word = _WORD_ALONE.fullmatch(lines[following])
    if word is not None and (is_generated(word[1]) or _is_hex(word[1])):
        yield following


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_hex(word: str) -> bool:
    return len(word) >= LONGEST_NAME // 2 and all(char in "0123456789abcdef" for char in word)
