"""
Hides secrets in command lines, before anything keeps or sends them.

Hidden is the value of whatever has a name that sounds like a secret (`--db-password=…`, `"token": "…"`), of
every assignment in capitals (`NAME=…`, it may be anything of the environment), the user part of URLs, headers
that authorize, the short options with which some programs take a password (`mysql -p…`), and what is a secret
by its form. Scripts (`sh -c …`) are looked into. Where in doubt more is hidden; no list of this kind is
complete.

    mysql -psecret postgres://app:secret@db/x   →   mysql -p*** postgres://***@db/x
"""

import re
from collections.abc import Sequence
from typing import Final

MASK: Final = "***"

_TELLING: Final = re.compile(
    r"password|passwd|passphrase|passcode|secret|token|apikey|accesskey|privatekey|accountkey|encryptionkey"
    r"|signingkey|credential|authorization|cookie|sessionid|jwt|bearer"
)
_TELLING_ENDS: Final = ("pass", "pwd", "key", "auth")
_TELLING_PARTS: Final = frozenset({"pass", "passin", "passout", "pw", "pwd", "psw", "key", "auth", "pin"})
_PART_SEPARATORS: Final = re.compile(r"[-_.]")
_SCHEMES: Final = frozenset({"bearer", "basic", "digest", "negotiate", "token"})
_SHORT_OPTIONS: Final = {
    **dict.fromkeys(("mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump", "mysqlsh", "login"), "p"),
    **dict.fromkeys(("mongo", "mongosh", "mongodump", "mongorestore", "sshpass", "7z", "cqlsh"), "p"),
    **dict.fromkeys(("ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldapwhoami"), "w"),
    **dict.fromkeys(("zip", "unzip", "sqlcmd", "bcp"), "P"),
    "redis-cli": "a",
    "curl": "uU",
    "smbclient": "U",
    "openssl": "kK",
}
_KNOWN_FORMS: Final = re.compile(
    r"(?:gh[opsur]_|github_pat_|glpat-|xox[abeprs]-|sk-|sk_live_|rk_live_|AKIA|ASIA|AIza|ya29\.|hvs\.|npm_|pypi-"
    r"|dckr_pat_|SG\.|eyJ)[\w.\-]{12,}"
)
_PEM: Final = "-----BEGIN"
_ASSIGNMENT: Final = re.compile(r"[A-Z_][A-Z0-9_]*=")
_NAMES: Final = re.compile(r"([^\w.\-]+)")
_PIECES: Final = re.compile(r"""'[^']*'|"[^"]*"|[^\s'"]+|['"]|\s+""")
_BETWEEN: Final = frozenset("=:,")


def mask_command_line(arguments: Sequence[str]) -> tuple[str, ...]:
    """
    The same arguments with all secrets replaced by `***`.

    Args:
        arguments: the program first, as in /proc/<pid>/cmdline; any text.
    """
    masker = _Masker()
    return tuple(masker.argument(argument) for argument in arguments)


class _Masker:
    """
    Goes through the words of one command line; what a word says about the next one is its state.
    """

    def __init__(self) -> None:
        self._short_options = ""
        self._hide_next = False
        self._hide_rest = False

    def argument(self, argument: str) -> str:
        """
        One argument, which may be a whole script.
        """
        self._hide_rest = False
        if _PEM in argument or (self._hide_next and not _is_option(argument)):
            self._hide_next = False
            return MASK
        return self._text(argument)

    def _text(self, text: str) -> str:
        return "".join(self._piece(piece) for piece in _PIECES.findall(text))

    def _piece(self, piece: str) -> str:
        if piece.isspace() or piece in "'\"" or _BETWEEN.issuperset(piece):
            return piece
        quote = piece[0] if piece[0] in "'\"" else ""
        if self._hides(piece):
            return f"{quote}{MASK}{quote}"
        if quote:
            content = piece[1:-1]
            masked = self._text(content)
            self._hide_next = self._hide_next or _sounds_secret(content)
            return f"{quote}{masked}{quote}"
        return self._word(piece)

    def _hides(self, piece: str) -> bool:
        """
        Whether a piece is a secret because of what came before it.
        """
        scheme = piece.lower() in _SCHEMES
        hidden = self._hide_rest or (self._hide_next and not _is_option(piece))
        self._hide_next = self._hide_next and scheme
        return hidden and not scheme

    def _word(self, word: str) -> str:
        program = word.rsplit("/", 1)[-1]
        self._short_options = _SHORT_OPTIONS.get(program, self._short_options)
        if word[0] == "-" and word[1:2] != "-" and word[1:2] in self._short_options and len(word) > 1:
            self._hide_next = len(word) == len("-p")
            return word if self._hide_next else f"{word[:2]}{MASK}"
        if (_is_option(word) and "=" not in word) or word.lower() == "bearer":
            self._hide_next = _sounds_secret(word)
            return _without_forms(word)
        return self._value(word)

    def _value(self, word: str) -> str:
        """
        A word that may hold names with their values: hidden from the first value that is a secret.
        """
        assignment = _ASSIGNMENT.match(word)
        end = assignment.end() if assignment is not None else _first_secret(word)
        if end is None:
            return _without_forms(_without_user(word))
        if end < len(word):
            return f"{word[:end]}{MASK}"
        self._hide_rest = word.endswith(":")
        self._hide_next = not self._hide_rest
        return word


def _first_secret(word: str) -> int | None:
    """
    Where the value of the first name that sounds secret begins, as in `--db-password=…` or `?a=b&token=…`.
    """
    end = 0
    pieces = _NAMES.split(word)
    for name, separator in zip(pieces[::2], pieces[1::2], strict=False):
        end += len(name)
        if separator[0] in "=:" and _sounds_secret(name):
            return end + 1
        end += len(separator)
    return None


def _sounds_secret(name: str) -> bool:
    lower = name.lower()
    parts = _PART_SEPARATORS.split(lower)
    squeezed = "".join(parts)
    return (
        _TELLING.search(squeezed) is not None
        or squeezed.endswith(_TELLING_ENDS)
        or not _TELLING_PARTS.isdisjoint(parts)
    )


def _is_option(word: str) -> bool:
    """
    Whether a word is an option; a short one has one letter, so that a secret may begin with a dash.
    """
    return word.startswith("--") or (word.startswith("-") and (len(word) == len("-p") or _sounds_secret(word)))


def _without_user(word: str) -> str:
    """
    A word without the user of a URL (`scheme://user:secret@host`), or the password of `user:secret@host`.
    """
    before, at, host = word.rpartition("@")
    if not at:
        return word
    scheme, slashes, _ = before.partition("://")
    if slashes:
        return f"{scheme}{slashes}{MASK}@{host}"
    user, colon, _ = before.partition(":")
    return f"{user}:{MASK}@{host}" if colon else word


def _without_forms(word: str) -> str:
    return _KNOWN_FORMS.sub(MASK, word)
