"""
Finds secrets in statements and commands: SQL's `IDENTIFIED BY 'x'`, Redis's `AUTH x`, `mysql -px`, `curl -u user:x`.
"""

import re
from collections.abc import Iterator
from typing import Final

from sinks.masking.syntax import QUOTE, Span, closing
from sinks.masking.values import is_generated, is_placeholder

# Per program, the short options that take a password.
SHORT_OPTIONS: Final = {
    **dict.fromkeys(("mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump", "mysqlsh", "login"), "p"),
    **dict.fromkeys(("mongo", "mongosh", "mongodump", "mongorestore", "sshpass", "7z", "cqlsh"), "p"),
    **dict.fromkeys(("ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldapwhoami"), "w"),
    **dict.fromkeys(("zip", "unzip", "sqlcmd", "bcp"), "P"),
    "redis-cli": "a",
    "curl": "uU",
    "smbclient": "U",
    "lftp": "u",
    **dict.fromkeys(("mosquitto_pub", "mosquitto_sub"), "P"),
    "openssl": "kK",
}
# The words of commands that matter: a program, an option of one letter with what follows, the end of a command.
_COMMAND: Final = re.compile(
    rf"(?<![\w.\-])(?P<program>{'|'.join(SHORT_OPTIONS)})(?![\w.\-])|\s-(?P<letter>[a-zA-Z])|(?P<end>[|;&])"
)
_OPTION_VALUE: Final = re.compile(rf"(?P<gap>\s{{0,4}})(?P<quote>{QUOTE})?(?P<word>[^\s\"'`]*+)")
_IDENTIFIED: Final = re.compile(
    rf"identified\s{{1,8}}(?:with\s{{1,8}}\S{{1,64}}\s{{1,8}})?(?:by|as|using)\s{{1,8}}(?:(?:password|values)\s{{1,8}})?"
    rf"(?P<quote>{QUOTE})?(?P<word>[^\s\"'`;,\\]*+)",
    re.IGNORECASE,
)
_CHANGES_USER: Final = re.compile(r"(?:create|alter)\s{1,8}(?:user|role)|grant\s")
_SET_PASSWORD: Final = re.compile(
    rf"password\s{{1,8}}for\s{{1,8}}\S{{1,128}}\s{{0,8}}=\s{{0,8}}(?:password\s{{0,8}}\()?(?P<quote>{QUOTE})(?P<word>)",
    re.IGNORECASE,
)
_AUTH: Final = re.compile(
    rf"(?<![\w\-]){QUOTE}?(?:AUTH|PASS|requirepass|masterauth){QUOTE}?\s{{1,8}}"
    rf"(?:(?:PLAIN|LOGIN|XOAUTH2|CRAM-MD5)\s{{1,8}})?(?:{QUOTE}?\w{{1,64}}{QUOTE}?\s{{1,8}})?(?P<quote>{QUOTE})?(?P<word>[^\s\"'`]*+)"
)
_ANNOUNCED: Final = re.compile(r"(?:temporary|generated|initial|default|root|admin\w{0,16}|new|following)[\w\s]{0,64}$")
_LAST_WORD: Final = re.compile(r":[ \t]{1,8}(\S{4,128})\s*$")


def sql_passwords(text: str, lower: str) -> Iterator[Span]:
    """
    Yield the passwords in statements that create or change users.
    """
    if "identified" in lower:
        changes_user = _CHANGES_USER.search(lower)
        for found in _IDENTIFIED.finditer(text):
            if found["quote"] or (changes_user is not None and changes_user.start() < found.start()):
                yield from _argument(text, found)
    if "password" in lower:
        for found in _SET_PASSWORD.finditer(text):
            yield from _argument(text, found)


def logins(text: str, lower: str) -> Iterator[Span]:
    """
    Yield the passwords of logins in the protocols of Redis, SMTP, FTP and IRC.
    """
    if "AUTH" in text or "PASS" in text or "requirepass" in lower or "masterauth" in lower:
        for found in _AUTH.finditer(text):
            if found["quote"] or is_generated(found["word"]):
                yield from _argument(text, found)


def announced_passwords(text: str, lower: str) -> Iterator[Span]:
    """
    Yield what a program prints about its first start: `A temporary password is generated for root@localhost: x`.
    """
    at = lower.find("password")
    is_announced = "generated" in lower or _ANNOUNCED.search(lower[max(at - 80, 0) : max(at, 0)]) is not None
    if at < 0 or not is_announced:
        return
    found = _LAST_WORD.search(text, at)
    if found is not None and is_generated(found[1]):
        yield found.span(1)


def short_options(text: str, lower: str) -> Iterator[Span]:
    """
    Yield the passwords after the short options of known programs.
    """
    del lower
    if " -" not in text:
        return
    letters = ""
    for found in _COMMAND.finditer(text):
        if found["letter"] is None:
            letters = SHORT_OPTIONS.get(found["program"] or "", "")
        elif found["letter"] in letters:
            value = _OPTION_VALUE.match(text, found.end())
            if value is not None and not (value["gap"] and value["word"].startswith("-")):
                yield from _argument(text, value)


def _argument(text: str, found: re.Match[str]) -> Iterator[Span]:
    start = found.start("word")
    end = closing(text, start, found["quote"]) if found["quote"] else found.end("word")
    if end > start and not is_placeholder(text[start:end]):
        yield start, end
