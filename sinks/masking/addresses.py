"""
Finds secrets in addresses: the user part of URLs, `user:password@host`, webhooks of chats, Oracle's `user/password@db`.
"""

import re
from collections.abc import Iterator
from typing import Final

from sinks.masking.syntax import Span
from sinks.masking.values import is_placeholder, is_random

_LONGEST: Final = 4096
_SLASHES: Final = re.compile(r"(?:\\{0,8}+/){2}|%2[Ff]%2[Ff]")
_SCHEME_END: Final = re.compile(rf"([A-Za-z][A-Za-z0-9+.\-]{{1,31}})(?::|%3[Aa])(?:{_SLASHES.pattern})")
_ADDRESS: Final = re.compile(rf"[^\s\"'`<>\\]{{0,{_LONGEST}}}")
_PATH: Final = re.compile(r"[/?#]|%2[Ff]|%3[Ff]")
_PORT: Final = re.compile(r"\d{1,5}(?![^/?#\\,])")
_AT: Final = re.compile(r"@|%40")
_COLON: Final = re.compile(r":|%3[Aa]")
_USER: Final = re.compile(
    r"(?<![\w/@:%.\-])([\w.+\-%]{1,64}):(?:([^\s\"'`<>/,;=(){}|]{1,255})@(?=[A-Za-z0-9\[_])(?!sha\d{1,3}:)(?![0-9a-f]{4,16}(?![\w.:\-]))"
    r"|([^\s\"'`<>]{1,255})@(?=(?:tcp|unix|udp)\())"
)
_NO_USERS: Final = frozenset(
    """
    mailto sip sips acct xmpp email mail from to cc bcc user username account owner author sender recipient
    ssh git npm by login contact user_email principal subject name pkg
    """.split()  # noqa: SIM905 (words are easier to read in lines)
)
_S: Final = r"(?:\\{0,8}+/|%2[Ff])"
_WEBHOOK: Final = re.compile(
    rf"(?:hooks\.slack(?:-gov)?\.com{_S}\w{{1,16}}{_S}|discord(?:app)?\.com{_S}api{_S}(?:v\d{{1,3}}{_S})?webhooks{_S}\d{{1,32}}{_S}"
    rf"|webhook\.office\.com{_S}webhookb2{_S}|outlook\.office(?:365)?\.com{_S}webhook{_S}|api\.telegram\.org{_S}(?:file{_S})?bot"
    rf"|hooks\.zapier\.com{_S}hooks{_S}catch{_S}|maker\.ifttt\.com{_S}(?:trigger{_S}\w{{1,64}}{_S})?(?:json{_S})?with{_S}key{_S}"
    rf"|open-apis{_S}bot{_S}v2{_S}hook{_S}|hc-ping\.com{_S}|webexapis\.com{_S}v1{_S}webhooks{_S}incoming{_S}"
    rf"|events\.pagerduty\.com{_S}integration{_S}|{_S}hooks{_S}(?=\w{{16}}))"
    rf"(?P<secret>(?:[^\s\"'`<>?#)\]\\]|\\{{1,8}}+/){{8,512}})",
    re.IGNORECASE,
)
_ORACLE: Final = re.compile(
    r"(?:thin:|(?:sqlplus|sqlldr|expdp|impdp|exp|imp|rman)\s(?:[^@/]{0,64}\s)?)\w{1,64}/(?P<secret>[^\s@\"'`]{1,128})@",
    re.IGNORECASE,
)


def users_of_urls(text: str, lower: str) -> Iterator[Span]:
    """
    Yield the user parts of URLs: `scheme://user:secret@host`.
    """
    del lower
    if "@" not in text and "%40" not in text:
        return
    for found in _SCHEME_END.finditer(text):
        address = _ADDRESS.match(text, found.end())
        if address is None:
            continue
        length = _length_of_user(address[0])
        user = address[0][:length]
        if not length or is_placeholder(user):
            continue
        if _COLON.search(user) is not None or found[1].lower().endswith(("http", "https")) or is_random(user):
            yield found.end(), found.end() + length


def _length_of_user(address: str) -> int:
    """
    Return how long the user part is: up to the last `@` before the path, or of a password with a slash before it.
    """
    path = _PATH.search(address)
    authority = address[: path.start()] if path is not None else address
    ends = [found.start() for found in _AT.finditer(authority)]
    if ends:
        return ends[-1]
    colon = _COLON.search(authority)
    if colon is None or _PORT.match(address, colon.end()) is not None or authority.startswith("["):
        return 0
    ends = [found.start() for found in _AT.finditer(address)]
    return ends[-1] if ends else 0


def passwords_of_users(text: str, lower: str) -> Iterator[Span]:
    """
    Yield the passwords of `user:password@host` without a scheme, and of Oracle's `user/password@db`.
    """
    if "@" not in text:
        return
    for found in _USER.finditer(text):
        group = found.lastindex or 0
        if found[1].lower() not in _NO_USERS and not is_placeholder(found[group]):
            yield found.span(group)
    if "thin:" in lower or "/" in text:
        yield from (found.span("secret") for found in _ORACLE.finditer(text))


def webhooks(text: str, lower: str) -> Iterator[Span]:
    """
    Yield the secret part of a webhook's address: whoever knows it may post.
    """
    if "hook" in lower or "telegram" in lower or "ifttt" in lower or "hc-ping" in lower or "pagerduty" in lower:
        yield from (found.span("secret") for found in _WEBHOOK.finditer(text))
