"""
Decides by its name whether a value is a secret: `DB_PASSWORD` and `apiToken` are, `token_count` and `primary_key` are
not.
"""

import re
from enum import Enum
from functools import lru_cache
from typing import Final


class Weight(Enum):
    """
    What a name says about its value: a secret, a secret if it looks like one, or nothing.
    """

    SECRET = 1
    PERHAPS = 2
    PLAIN = 3


# A longer name is judged by its end.
LONGEST_NAME: Final = 64
_CACHED_NAMES: Final = 4096
_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
# Anywhere in a name whose separators are removed. The line that holds a secret name holds one of these, or a short one.
SECRET_WORDS: Final = (
    "password", "passwd", "passphrase", "passcode", "secret", "token", "credential", "authorization", "cookie",
    "sessionid", "sessid", "jwt", "bearer", "apikey", "accesskey", "privatekey", "accountkey", "encryptionkey",
    "signingkey", "masterkey", "sharedkey", "storagekey", "authkey", "requirepass",
    "masterauth", "passwort", "kennwort", "contrase",
    "senha", "wachtwoord", "пароль", "密码", "密碼", "パスワード",
)  # fmt: skip
# Parts of a name, or its end.
SHORT_WORDS: Final = (
    "pass",
    "pwd",
    "psw",
    "psk",
    "otp",
    "cred",
    "key",
    "auth",
    "sig",
    "hmac",
    "code",
    "pw",
    "sid",
    "sas",
    "assertion",
    "verifier",
)
_SECRET_PARTS: Final = frozenset(
    {"pass", "passin", "passout", "pw", "pwd", "psw", "psk", "otp", "totp", "cred", "creds"}
)
_SECRET_ENDS: Final = ("pass", "pwd")
_PERHAPS_ENDS: Final = ("key", "keys", "auth", "signature")
_PERHAPS_PARTS: Final = frozenset(
    {"key", "auth", "sig", "signature", "hmac", "code", "pin", "sid", "sas", "assertion", "verifier"}
)
_QUALIFIED_KEYS: Final = frozenset(
    {"api", "secret", "private", "license", "ssh", "app", "client", "server", "consumer", "webhook", "hmac", "aes"}
)
_NO_SECRETS: Final = ("tokeniz", "tokenis", "secretar", "bypass", "compass", "encompass", "trespass", "keyspace")
_PLAIN_KEYS: Final = frozenset(
    """
    public cache primary foreign partition sort routing row object lookup dedup idempotency host index group
    map hot config property attribute column shard message record search sub registry parent
    """.split()  # noqa: SIM905 (words are easier to read in lines)
)
# What a name that ends so holds is about a secret.
_METADATA: Final = frozenset(
    """
    file files path paths dir directory name names type types length len count counts size expiry expires
    expiration expired expire ttl url uri endpoint policy version algorithm alg prefix enabled required valid
    status error errors manager service provider store class ref arn field header index lifetime age timeout
    limit limits usage used bucket format hint reset generator validator encoder reader cache handler filter
    factory config controller source request response exception mount mounts volume projection rotation java
    py rb go rs php js ts jsx tsx kt scala cs cpp h hpp ex erl lua pl sh json yaml yml toml xml conf cfg crt
    pem log txt html css review reviews updated created at per total max min window rate budget samesite
    domain httponly
    """.split()  # noqa: SIM905 (words are easier to read in lines)
)


@lru_cache(_CACHED_NAMES)
def weight_of(name: str) -> Weight:
    """
    Return what a name says about its value.

    Args:
        name: at most 64 characters; letters, digits and `_-.`.
    """
    parts = [part.lower() for part in _PARTS.findall(name)] or [name.lower()]
    squeezed = "".join(parts)
    if parts[-1] in _METADATA or any(word in squeezed for word in _NO_SECRETS):
        return Weight.PLAIN
    if any(word in squeezed for word in SECRET_WORDS) or not _SECRET_PARTS.isdisjoint(parts):
        return Weight.SECRET
    if squeezed.endswith(_SECRET_ENDS):
        return Weight.SECRET
    if parts[-1] in {"key", "keys"} and len(parts) > 1:
        return _weight_of_key(parts[-2])
    perhaps = squeezed.endswith(_PERHAPS_ENDS) or parts[-1] in _PERHAPS_PARTS
    return Weight.PERHAPS if perhaps else Weight.PLAIN


def _weight_of_key(qualifier: str) -> Weight:
    if qualifier in _PLAIN_KEYS:
        return Weight.PLAIN
    return Weight.SECRET if qualifier in _QUALIFIED_KEYS else Weight.PERHAPS
