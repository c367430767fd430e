"""
Read a pasted file in pieces, compressed or not.

gzip, xz, bzip2 and zstd are unpacked while they are read, so that memory stays small.
"""

import bz2
import gzip
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

_CHUNK_BYTES: Final = 256 * 1024
# Logs shrink to a tenth or a fiftieth; what unpacks to far more is made to fill memory and time.
_RATIO_AT_MOST: Final = 500
_BYTES_AT_LEAST: Final = 64 * 1024 * 1024
_MAGIC_BYTES: Final = 8
# Files that are not text, by their first bytes, and what to do with them.
_NOT_TEXT: Final = (
    (b"PK\x03\x04", "it is a zip archive: unpack it first"),
    (b"LPKSHHRH", "it is a journal file: read it with journalctl --file FILE -o export"),
    (b"\x7fELF", "it is a program or a core dump, not a text"),
)
# A frame, and what pzstd writes before it. Frames that need more than 128 MiB are refused, as by `zstd -d`.
_ZSTD: Final = (b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18")
_ZSTD_MODULE: Final = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


class UnreadableFileError(Exception):
    """
    The file cannot be read as a text; the message says what to do.
    """


class _Counted:
    """
    A file that counts the bytes that were read from it; its first bytes can be seen before.
    """

    def __init__(self, stream: Any, progress: Callable[[int], None] | None) -> None:  # noqa: ANN401
        self._stream = stream
        self._progress = progress
        self._first: bytes = stream.read(_MAGIC_BYTES)
        self.magic = self._first
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        """
        Read at most so many bytes.
        """
        data: bytes = self._first if size < 0 else self._first[:size]
        self._first = self._first[len(data) :]
        if size < 0 or len(data) < size:
            data += self._stream.read(size if size < 0 else size - len(data))
        self.count += len(data)
        if self._progress is not None:
            self._progress(len(data))
        return data


def chunks(
    stream: Any,  # noqa: ANN401
    progress: Callable[[int], None] | None = None,
    damaged: Callable[[str], None] | None = None,
) -> Iterator[bytes]:
    """
    Yield the text of a file in pieces, unpacked; if it is cut or damaged, what comes before that.

    Args:
        stream: a file of bytes.
        progress: called with the number of bytes that were read since the last call.
        damaged: called with what is wrong with the file, if it is cut or damaged.

    Raises:
        UnreadableFileError: the file is of a kind that is not a text, or unpacks to far more than a log can.
        OSError: the file cannot be read.
    """
    source = _Counted(stream, progress)
    for magic, advice in _NOT_TEXT:
        if source.magic.startswith(magic):
            raise UnreadableFileError(advice)
    text, errors = _unpacked(source, source.magic)
    given = 0
    while True:
        try:
            data: bytes = text.read(_CHUNK_BYTES)
        except errors as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # of the disk, not of the unpacking
            if damaged is not None:
                damaged(str(error) or "it is cut")
            return
        if not data:
            return
        given += len(data)
        if given > max(_BYTES_AT_LEAST, source.count * _RATIO_AT_MOST):
            raise UnreadableFileError("it unpacks to far more than a log does")
        yield data


def _unpacked(source: Any, first: bytes) -> tuple[Any, tuple[type[Exception], ...]]:  # noqa: ANN401
    """
    Return a file that unpacks what another one has, and the errors by which it says that this is cut or damaged.
    """
    if first.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=source), (EOFError, gzip.BadGzipFile, zlib.error)
    if first.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMAFile(source), (EOFError, lzma.LZMAError)
    if first.startswith(b"BZh"):
        return bz2.BZ2File(source), (EOFError, OSError)
    if first.startswith(_ZSTD):
        zstd = import_module(_ZSTD_MODULE)
        return zstd.ZstdFile(source), (EOFError, zstd.ZstdError)
    return source, ()
