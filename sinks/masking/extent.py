"""
Finds where the value of a secret name ends, and decides whether it is a secret: quoted, one word, or a phrase.
"""

import re
from dataclasses import dataclass
from typing import Final

from sinks.masking.names import Weight
from sinks.masking.syntax import Span, closing
from sinks.masking.values import (
    is_call,
    is_digest,
    is_generated,
    is_number,
    is_object_name,
    is_pair,
    is_placeholder,
    is_prose,
    is_random,
    is_random_in_url,
)

# Where a value without quotes ends inside of a word: another pair, or the quote that encloses both.
_NEXT_PAIR: Final = r"(?:&(?:amp;)?|[;,|]|%26|\\{1,16}+u0026)[\"']?[\w.\-$]{1,40}[\"']?(?:=|:|%3D)|&quot;|%22|&lt;"
_WORD: Final = re.compile(
    rf"(?:[^\s\"'`<>\\&;,|%]|(?!{_NEXT_PAIR})(?:[&;,|%]|\\(?![\"'`]))|(?<=\w)[\"'`](?=\w)|<(?!/|br))++"
)
_CLOSERS: Final = ")]},;."
_PHRASE_END: Final = re.compile(
    r"[\"'`](?!\w)|\\[\"'`]|\s(?=[\w.\-]{1,40}\s{0,3}[=:](?!//))|\s(?=--?\w)|\s(?=[|&;(])|[,;](?=\s|$)|</|$"
)
# The results of tests are no passwords.
_RESULTS: Final = frozenset({"PASS", "pass", "Pass"})
_DIRECTORIES: Final = frozenset({"PWD", "OLDPWD"})
_PASSWORDS: Final = ("password", "passwd", "passphrase", "passcode", "pwd", "pass", "passwort", "kennwort")


@dataclass(frozen=True, slots=True)
class Name:
    """
    A name in a line that says that its value is a secret, or may be one.

    Attributes:
        text: the line.
        start: where the name starts.
        end: where it ends.
        word: the name, without punctuation at its end.
        weight: what it says.
    """

    text: str
    start: int
    end: int
    word: str
    weight: Weight

    @property
    def before(self) -> str:
        """
        The character before the name; empty at the start of the line.
        """
        return self.text[self.start - 1 : self.start]

    @property
    def is_password(self) -> bool:
        """
        Whether the name speaks of a password, and not of the result of a test.
        """
        return self.word.lower().endswith(_PASSWORDS) and self.word not in _RESULTS


def quoted(name: Name, found: re.Match[str]) -> Span | None:
    """
    Return the value after the opening quote with which a pattern ends.
    """
    return checked(name, found.end(), closing(name.text, found.end(), found["quote"]))


def quoted_or_word(name: Name, found: re.Match[str]) -> Span | None:
    """
    Return the value after a pattern, which ends with a quote or not.
    """
    return quoted(name, found) if found["quote"] else one_word(name, found.end())


def one_word(name: Name, begin: int) -> Span | None:
    """
    Return the word that begins at a place.
    """
    span = word_at(name.text, begin)
    return checked(name, *span) if span is not None else None


def parameter(name: Name, begin: int) -> Span | None:
    """
    Return the value of a parameter of a URL, where a shorter value may be a secret.
    """
    span = word_at(name.text, begin)
    return span if span is not None and is_random_in_url(name.text[slice(*span)]) else None


def generated_word(name: Name, begin: int) -> Span | None:
    """
    Return the word that begins at a place, if it looks generated.
    """
    span = word_at(name.text, begin)
    if span is None or is_pair(name.text[slice(*span)]):
        return None
    return span if is_generated(name.text[slice(*span)]) else None


def random_word(name: Name, begin: int) -> Span | None:
    """
    Return the word that begins at a place, if it is long and looks generated.
    """
    span = generated_word(name, begin)
    return span if span is not None and is_random(name.text[slice(*span)]) else None


def bracketed(name: Name, begin: int, bracket: str) -> Span | None:
    """
    Return the contents of brackets: `Authorization:[Bearer x]`.
    """
    if name.text.startswith("{", begin):
        return None
    end = name.text.find("]" if "[" in bracket else ")", begin)
    return checked(name, begin, end if end >= 0 else len(name.text))


def phrase(name: Name, begin: int, *, may_be_prose: bool) -> Span | None:
    """
    Return a value without quotes that may have several words, unless the words are a message.

    Args:
        name: the name.
        begin: where the value begins.
        may_be_prose: True after a colon, as in `password: is too short`.
    """
    text = name.text
    span = word_at(text, begin)
    ended = _PHRASE_END.search(text, begin)
    if span is None or ended is None or ended.start() <= begin:
        return None
    word, words = text[slice(*span)], text[begin : ended.start()]
    if is_call(word) or is_placeholder(word) or (word.startswith("{") and not word.startswith("{{")):
        return None
    if name.weight is Weight.PERHAPS or (name.word in _RESULTS and may_be_prose):
        return checked(name, *span) if name.word != "PASS" else None
    if may_be_prose and (is_prose(words) or word.startswith("//")):
        return None
    return checked(name, begin, max(ended.start(), span[1]) if " " in words else span[1])


def word_at(text: str, begin: int) -> Span | None:
    """
    Return the word at a place, without the pair and the brackets that follow its value.
    """
    word = _WORD.match(text, begin)
    return (begin, begin + len(word[0].rstrip(_CLOSERS))) if word is not None else None


def checked(name: Name, begin: int, end: int) -> Span | None:
    """
    Return a value, unless it is none, a placeholder, or nothing that its name alone makes a secret.
    """
    value = name.text[begin:end]
    if begin >= end or is_placeholder(value) or _is_plain(name.word, value):
        return None
    if name.weight is Weight.PERHAPS and (is_digest(value) or not is_random(value)):
        return None
    return begin, end


def _is_plain(word: str, value: str) -> bool:
    """
    Return whether a value is no secret in spite of its name: a count, a directory, the name of an object.
    """
    if is_number(value):
        return word.endswith("s") or word in _RESULTS
    return (word in _DIRECTORIES and value.startswith("/")) or (word.lower() == "secret" and is_object_name(value))
