"""
The signing secrets of the hosts: one file per host, so that no host can speak for another.
"""

import hmac
import re
from pathlib import Path
from typing import Final

from sinks.errors import DisabledError
from sinks.signing import Signer, read_signer

_HOST_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")
_NEXT: Final = ".next"
_VERSION: Final = "v1,"
# Standard Webhooks sends one signature per secret; a flood of them would cost as many comparisons.
_MOST_SIGNATURES: Final = 16


class KeyRing:
    """
    Verifies signatures with the secrets in a directory; a changed file counts at once.

    Args:
        directory: has a file `ID` for each host, and `ID.next` while its secret is replaced.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._signers: dict[str, tuple[tuple[int, ...], Signer]] = {}

    def verifies(self, host_id: str, event_id: str, timestamp_s: int, body: bytes, signatures: str) -> bool:
        """
        Return whether a host signed a request.

        Args:
            host_id: the host that the events come from.
            event_id: the header `webhook-id`.
            timestamp_s: the header `webhook-timestamp`, seconds since 1970.
            body: the uncompressed body.
            signatures: the header `webhook-signature`.
        """
        signer = self._signer(host_id)
        if signer is None:
            return False
        expected = signer.signature(event_id, timestamp_s, body).split(" ")
        given = [text for text in signatures.split(" ") if text.startswith(_VERSION)][:_MOST_SIGNATURES]
        return any(hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in given)

    def _signer(self, host_id: str) -> Signer | None:
        """
        Return what signs for a host; None if it has no usable secret.
        """
        if _HOST_ID.fullmatch(host_id) is None:
            return None
        paths = [self._directory / name for name in (host_id, f"{host_id}{_NEXT}")]
        stamps = tuple(_changed_ns(path) for path in paths)
        known = self._signers.get(host_id)
        if known is not None and known[0] == stamps:
            return known[1]
        self._signers.pop(host_id, None)
        try:
            signer = read_signer("keys_dir", [str(path) for path, stamp in zip(paths, stamps, strict=True) if stamp])
        except DisabledError:
            return None
        if signer is not None:
            self._signers[host_id] = (stamps, signer)
        return signer


def _changed_ns(path: Path) -> int:
    """
    Return when a file last changed; 0 if it cannot be seen.
    """
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
