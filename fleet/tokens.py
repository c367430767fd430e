"""
Tokens that programs and browsers send with their requests.
"""

import base64
import binascii
import hmac
from typing import Final

from sinks.secret import Secret

_BEARER: Final = "Bearer "
_BASIC: Final = "Basic "


def is_sent(header: str, token: Secret) -> bool:
    """
    Return whether an `Authorization` header has a token: as `Bearer TOKEN`, or as the password of HTTP Basic.

    Takes the same time for every wrong token.
    """
    sent = header.removeprefix(_BEARER) if header.startswith(_BEARER) else _password(header)
    return hmac.compare_digest(sent.encode(), token.reveal().encode())


def _password(header: str) -> str:
    """
    Return the password of HTTP Basic (RFC 7617); empty where there is none.
    """
    if not header.startswith(_BASIC):
        return ""
    try:
        decoded = base64.b64decode(header.removeprefix(_BASIC), validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return ""
    return decoded.partition(":")[2]
