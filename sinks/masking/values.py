"""
Decides by its form whether a value is a secret, a placeholder, or the prose of a message.
"""

import re
from typing import Final

_PLACEHOLDER: Final = re.compile(
    r"[*•.\-_]*|[x#]{3,}|null|none|nil|undefined|true|false|yes|no|on|off|empty|unset|\(?(?:hidden|masked|redacted|filtered)\)?"
    r"|\[[a-z _*]*\]|<[a-z _*]*>|\$\{?[\w.]+\}?|\{\{[^{}]*\}\}|%s|\{\}|\{[a-z_]*\}|\(?nil\)?|\(null\)",
    re.IGNORECASE,
)
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_LETTER: Final = re.compile(r"[^\W\d_]")
_DIGIT: Final = re.compile(r"\d")
_SYMBOL: Final = re.compile(r"[!#$%^&*+=?@~|]")
# Numbers, versions, addresses, times, durations and paths: letters and digits that nobody generated.
_MEASURE: Final = re.compile(
    r"v?\d+(?:[.:\-/]\w+)*\W*|\d+[a-zA-Z]{1,3}|[./~].*|\w+/.*|[\w.\-]+:\d+|sha\d+|md\d|[A-Za-z]+\d{0,2}:.*|#\d+"
    r"|\w+\.(?:py|go|rs|java|js|ts|rb|php|c|cc|conf|json|yaml|yml|toml|xml|log|txt|key|pem|crt|so)\b.*|.*\(.*"
)
_PROSE: Final = frozenset(
    """
    a an the is are was were be been being not no and or but if of to in on at by for from with without as it
    its this that these those has have had does do did can cannot could should would must may will won't can't
    don't doesn't didn't isn't wasn't invalid expired missing required failed fail failure error errors
    unauthorized denied unable unexpected unknown incorrect wrong rejected revoked disabled enabled exists
    found authentication permission expecting expected want got received when while after before because since
    than then there too more less only please retry check user already connection context deadline exceeded
    refused timeout timed closed open read network lookup dial eof end input field value length character
    characters minimum maximum contains parse malformed
    """.split()  # noqa: SIM905 (words are easier to read in lines)
)
_STATES: Final = frozenset(
    """
    expired invalid missing required empty valid unknown failed denied disabled enabled rejected revoked
    incorrect wrong mismatch unauthorized unset set ok success successful succeeded changed updated created
    deleted refreshed rotated generated accepted loaded unauthenticated forbidden optional deprecated none
    null default string object integer number all any amd64 arm64 i386 armhf
    """.split()  # noqa: SIM905 (words are easier to read in lines)
)
_NUMBER: Final = re.compile(r"[\d.,]+%?")
_PAIR: Final = re.compile(r"[\w.\-]+[=:](?:[^=].*)?")
# What code assigns, as in a stack trace: `token = refresh(session)`.
_CALL: Final = re.compile(r"[A-Za-z_][\w.]*+\(")
# How Kubernetes names a secret.
_OBJECT_NAME: Final = re.compile(r"[a-z0-9.\-]+/[a-z0-9.\-]+")
_WORDS: Final = re.compile(r"\S+")
_DIGESTS: Final = frozenset({40, 64})
_LONG: Final = 16
_SHORTEST: Final = 4
_SHORTEST_IN_URL: Final = 12
# Of a phrase, only the first words decide.
_DECISIVE_WORDS: Final = 12


def is_placeholder(value: str) -> bool:
    """
    Return whether a value stands for a secret, or says that there is none.
    """
    return _PLACEHOLDER.fullmatch(value[: _LONG * 4]) is not None


def is_generated(value: str) -> bool:
    """
    Return whether a word looks like a password or a token: letters with digits or symbols, and nothing common.
    """
    if len(value) < _SHORTEST or _MEASURE.fullmatch(value) is not None or _UUID.fullmatch(value) is not None:
        return False
    has_letter, has_digit = _LETTER.search(value) is not None, _DIGIT.search(value) is not None
    return (has_letter and has_digit) or ((has_letter or has_digit) and _SYMBOL.search(value) is not None)


def is_number(value: str) -> bool:
    """
    Return whether a value is a count, which no secret is.
    """
    return _NUMBER.fullmatch(value) is not None


def is_pair(value: str) -> bool:
    """
    Return whether a word is a name with a value: `user=x`.
    """
    return _PAIR.fullmatch(value) is not None


def is_call(value: str) -> bool:
    """
    Return whether a value begins like the call of a function.
    """
    return _CALL.match(value) is not None


def is_object_name(value: str) -> bool:
    """
    Return whether a value is the name of an object in a name space, in lower case: `default/web-tls`.
    """
    return _OBJECT_NAME.fullmatch(value) is not None


def is_random(value: str) -> bool:
    """
    Return whether a word is long and looks generated: enough of a secret where the name alone does not say so.
    """
    return len(value) >= _LONG and "/" not in value[:1] and is_generated(value)


def is_digest(value: str) -> bool:
    """
    Return whether a value has the form of a SHA-1 or SHA-256 digest, as git and Docker print them.
    """
    return len(value) in _DIGESTS and _HEX.fullmatch(value) is not None


def is_random_in_url(value: str) -> bool:
    """
    Return whether the value of a parameter of a URL may be a signature or a key.
    """
    return len(value) >= _SHORTEST_IN_URL and not value.isdecimal() and not value.isalpha()


def is_prose(phrase: str) -> bool:
    """
    Return whether words after `password:` are a message about it, such as `password: is too short`.
    """
    words = [word.strip(",.;:!?()[]\"'`").lower() for word in _WORDS.findall(phrase[:512])[:_DECISIVE_WORDS]]
    if not words or is_generated(words[0]):
        return False
    if len(words) == 1:
        return words[0] in _STATES or words[0] in _PROSE
    return words[0] in _STATES or not _PROSE.isdisjoint(words)
