"""
Finds secrets by their own form: tokens of well-known services, JSON Web Tokens, hashed passwords, encoded credentials.
"""

import base64
import re
from collections.abc import Iterator
from typing import Final

from sinks.masking.syntax import Span, one_of

_WORD: Final = r"[\w\-]{16,512}"
_DOTTED: Final = r"[\w.\-]{12,512}"
_BASE64: Final = r"[\w+/=\-]{16,1024}"
_CAPITALS: Final = r"[A-Z0-9]{12,124}(?![a-z])"
# How the tokens of a service begin, by the form of the rest.
_BEGINNINGS: Final = {
    _WORD: (
        "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_",  # GitHub
        "sk-", "sk_live_", "sk_test_", "rk_live_", "rk_test_", "gsk_", "xai-", "r8_", "hf_",  # Stripe, models
        "npm_", "dckr_pat_", "dckr_oat_", "rubygems_", "lin_api_", "lin_oauth_", "figd_", "ntn_", "nfp_", "sbp_",
        "dop_v1_", "doo_v1_", "dor_v1_", "shpat_", "shpca_", "shppa_", "shpss_", "PMAK-", "sq0atp-", "sq0csp-",
        "phx_", "pat-na1-", "pat-eu1-", "NRAK-", "GOCSPX-", "pscale_pw_", "pscale_tkn_", "pscale_oauth_", "tskey-",
        "bkua_", "CCIPAT_", "fo1_", "AGE-SECRET-KEY-1", "SWMTKN-1-", "mfa.", "ATBB", "AIza",
    ),
    _DOTTED: (
        "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "glsoat-",  # GitLab
        "xoxa-", "xoxb-", "xoxc-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-",  # Slack
        "hvs.", "hvb.", "hvr.", "ya29.", "SG.", "pypi-", "dp.pt.", "dp.st.", "dp.ct.", "dp.sa.",
    ),
    _BASE64: (
        "whsec_", "ATATT3", "ATCTT3", "glsa_", "glc_", "sntrys_", "sntryu_", "ops_eyJ", "{SHA}", "{SSHA}", "{SSHA256}",
        "{SSHA512}",
    ),
    _CAPITALS: ("AKIA", "ASIA", "ABIA", "ACCA", "A3T"),  # AWS
    r"[A-Za-z0-9]{16,80}(?![\w\-])": ("LTAI", "AKCp"),  # Alibaba, Artifactory
    r"[0-9a-f]{32}(?:-\d)?(?!\w)": ("dapi",),  # Databricks
    r"[\w\-]{8,16384}(?:\.[\w\-+/=]{0,16384}){0,4}": ("eyJ",),  # JSON Web Tokens
}  # fmt: skip
_PATTERNS: Final = {begin: re.compile(rest) for rest, begins in _BEGINNINGS.items() for begin in begins}
_BEGIN: Final = re.compile(one_of(_PATTERNS))
# Tokens that have a mark in the middle: Telegram, Terraform, Azure, K3s, Cloudflare, 1Password, PostgreSQL.
_MARKED: Final = {
    ":AA": re.compile(r"\d{6,12}:AA[\w\-]{24,64}"),
    ".atlasv1.": re.compile(r"\w{8,20}\.atlasv1\.[\w\-=]{16,128}"),
    "Q~": re.compile(r"[\w~.]{3}\dQ~[\w~.\-]{24,64}"),
    "::server:": re.compile(r"K10[0-9a-f]{32,64}::server:\w{16,64}"),
    "v1.0-": re.compile(r"v1\.0-[0-9a-f]{24}-[0-9a-f]{64,160}"),
    "A3-": re.compile(r"A3-[A-Z0-9]{6}(?:-[A-Z0-9]{5,11}){3,5}"),
    "SCRAM-SHA": re.compile(r"SCRAM-SHA-\d{1,3}\$\d{1,9}:[\w+/=$:]{16,255}"),
}
# Passwords hashed by crypt(3), Apache, Django, WordPress.
_HASH: Final = re.compile(
    r"(?:(?<!\w)(?:pbkdf2|bcrypt|argon2|scrypt|sha\d)\w{0,16})?"
    r"\$(?:1|2[abxy]?|5|6|7|y|gy|apr1|argon2(?:i|d|id)|scrypt|pbkdf2[\w\-]{0,12}|[PH]|\d{4,7})\$[./\w$=,+\-]{8,512}"
)
_ENCODED: Final = re.compile(r"(?<![\w+/=\-.])[A-Za-z0-9+/]{12,1024}={0,2}(?![\w+/=\-])")
_USER_AND_PASSWORD: Final = re.compile(rb"[!-9;-~]{1,64}:[!-~]{2,255}")
_BASE64_DIGITS: Final = 4


def tokens(text: str, lower: str) -> Iterator[Span]:
    """
    Yield the tokens of well-known services, and hashed passwords.
    """
    del lower
    done = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() < done or text[begin.start() - 1 : begin.start()].isalnum():
            continue
        rest = _PATTERNS[begin[0]].match(text, begin.end())
        if rest is not None:
            done = rest.end()
            yield begin.start(), done
    for mark, pattern in _MARKED.items():
        if mark in text:
            yield from (found.span() for found in pattern.finditer(text))
    if "$" in text:
        yield from (found.span() for found in _HASH.finditer(text))


def encoded_credentials(text: str, lower: str) -> Iterator[Span]:
    """
    Yield words that are `user:password` in Base64, as for HTTP's basic authentication and in Docker's config.json.
    """
    del lower
    for found in _ENCODED.finditer(text):
        word = found[0].rstrip("=")
        if word.isdecimal() or word.islower() or len(word) % _BASE64_DIGITS == 1:
            continue
        decoded = base64.b64decode(word + "=" * (-len(word) % _BASE64_DIGITS))
        if _USER_AND_PASSWORD.fullmatch(decoded) is not None:
            yield found.span()
