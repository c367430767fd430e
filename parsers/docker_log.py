"""
The stream of GET /containers/{id}/logs (moby, pkg/stdcopy): frames of standard output and error, or a terminal's bytes.

A frame has a header of 8 bytes: the stream (0, 1 or 2), three zeros, and the length of its payload, big-endian. With a
terminal there are no frames; no header says so reliably in all versions, so the first 8 bytes decide.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

_HEADER_BYTES: Final = 8
_STREAMS: Final = (0, 1, 2)
_ZEROS: Final = b"\0\0\0"


def payloads(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """
    Yield what a container wrote, as it arrives; only headers are collected.

    Args:
        pieces: the stream, in pieces of any size. A stream that loses its frames ends there.
    """
    rest = iter(pieces)
    begin = b""
    for piece in rest:
        begin += piece
        if len(begin) >= _HEADER_BYTES:
            break
    if _is_header(begin):
        yield from _unframed(chain((begin,), rest))
    elif begin:
        yield begin
        yield from rest


def _unframed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    header = b""
    left_bytes = 0
    for whole in pieces:
        piece = whole
        while piece:
            if left_bytes:
                yield piece[:left_bytes]
                piece, left_bytes = piece[left_bytes:], max(left_bytes - len(piece), 0)
                continue
            missing = _HEADER_BYTES - len(header)
            header, piece = header + piece[:missing], piece[missing:]
            if len(header) == _HEADER_BYTES:
                if not _is_header(header):
                    return
                header, left_bytes = b"", int.from_bytes(header[4:], "big")


def _is_header(begin: bytes) -> bool:
    return len(begin) >= _HEADER_BYTES and begin[0] in _STREAMS and begin[1:4] == _ZEROS
