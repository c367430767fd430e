"""
Signatures of Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.payload`, one per secret.

A secret is `whsec_` and the base64 of 24 to 64 random bytes. While a secret is being replaced both sign, and a receiver
that knows either one accepts the request:

    webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from sinks.errors import DisabledError, Reason
from sinks.secret import read_secret

_PREFIX: Final = "whsec_"
_SHORTEST_BYTES: Final = 24
_LONGEST_BYTES: Final = 64


class Signer:
    """
    Signs with each of its keys.

    Args:
        keys: the decoded secrets, in the order of the signatures.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        # The digests have already absorbed the keys: copying is cheaper than starting anew, and no key is kept.
        self._digests = [hmac.new(key, digestmod=hashlib.sha256) for key in keys]

    def signature(self, event_id: str, timestamp_s: int, payload: bytes) -> str:
        """
        Return the value of the header `webhook-signature`.

        Args:
            event_id: the value of `webhook-id`.
            timestamp_s: the value of `webhook-timestamp`, seconds since 1970.
            payload: the uncompressed body.
        """
        content = f"{event_id}.{timestamp_s}.".encode() + payload
        return " ".join(_v1(digest, content) for digest in self._digests)


def read_signer(key: str, paths: Sequence[str]) -> Signer | None:
    """
    Read signing secrets from files; return None if there are no files.

    Args:
        key: the setting, named in the error.
        paths: files with one secret each.

    Raises:
        DisabledError: a file cannot be read, or does not contain a signing secret.
    """
    keys = [_decoded(read_secret(key, path).reveal(), f"{key} {path}") for path in paths]
    return Signer(keys) if keys else None


def _v1(digest: hmac.HMAC, content: bytes) -> str:
    digest = digest.copy()
    digest.update(content)
    return f"v1,{base64.b64encode(digest.digest()).decode()}"


def _decoded(text: str, where: str) -> bytes:
    try:
        encoded = text.removeprefix(_PREFIX)
        padding = "=" * (-len(encoded) % 4)
        key = base64.b64decode(encoded + padding, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_PREFIX) or not _SHORTEST_BYTES <= len(key) <= _LONGEST_BYTES:
        expected = f"expected {_PREFIX} and the base64 of {_SHORTEST_BYTES} to {_LONGEST_BYTES} bytes"
        raise DisabledError(Reason.UNUSABLE, f"{where}: {expected}")
    return key
