"""
Masks command lines, whose words are separate: what an option says about the next word is certain here.
"""

import re
from collections.abc import Sequence
from typing import Final

from sinks.masking.lines import MASK, mask_text
from sinks.masking.names import LONGEST_NAME, Weight, weight_of
from sinks.masking.statements import SHORT_OPTIONS

_PEM: Final = "-----BEGIN"
_ASSIGNMENT: Final = re.compile(r"(?:(?<!\S)|(?<=['\"]))([A-Z_][A-Z0-9_]*+=)(?:'[^']*'|\"[^\"]*\"|[^\s'\";&|]+)")
_HEADER: Final = re.compile(r"([A-Za-z][\w\-]{0,63}):\s*(?:bearer|basic|token)?\s*", re.IGNORECASE)


def mask_command_line(arguments: Sequence[str]) -> tuple[str, ...]:
    """
    Return the arguments with all secrets replaced by `***`; when in doubt, more is masked than in a text.

    Args:
        arguments: the program first, as in /proc/<pid>/cmdline; any text.
    """
    masked: list[str] = []
    letters, hide_next = "", False
    for argument in arguments:
        letters = SHORT_OPTIONS.get(argument.rsplit("/", 1)[-1], letters)
        is_short = argument[:1] == "-" and argument[1:2] != "" and argument[1:2] in letters
        if _PEM in argument or (hide_next and not _is_option(argument)):
            masked.append(MASK)
            hide_next = False
        elif is_short:
            hide_next = len(argument) == len("-p")
            masked.append(argument if hide_next else f"{argument[:2]}{MASK}")
        else:
            hide_next = _announces(argument)
            masked.append(_masked(argument))
    return tuple(masked)


def _masked(argument: str) -> str:
    """
    Mask one argument. Assignments in capitals are usually environment variables, of which any may hold a secret.
    """
    return mask_text(_ASSIGNMENT.sub(rf"\1{MASK}", argument))


def _announces(argument: str) -> bool:
    """
    Return whether the next argument is a secret: `--token`, `PASSWORD:`, `Bearer`.
    """
    if argument.lower() == "bearer":
        return True
    name = argument.lstrip("-").rstrip(":=")
    if not name or (len(name) == len(argument)):
        return False
    return _sounds_secret(name) and (_is_option(argument) or argument[-1] in ":=")


def _sounds_secret(name: str) -> bool:
    return " " not in name and weight_of(name[-LONGEST_NAME:]) is not Weight.PLAIN


def _is_option(word: str) -> bool:
    """
    Return whether a word is an option. A short option has one letter, because a secret may begin with a dash.
    """
    if not word.startswith("-") or "=" in word:
        return False
    return word.startswith("--") or len(word) == len("-p") or _sounds_secret(word[1:])
