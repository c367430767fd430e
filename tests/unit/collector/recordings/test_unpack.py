"""
Tests of reading a pasted file in pieces.
"""

import bz2
import errno
import functools
import gzip
import io
import lzma
import os
import sys
from importlib import import_module

import pytest

from collector.recordings.unpack import UnreadableFileError, chunks

zstd = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
TEXT = b"[    1.000000] Out of memory: Killed process 7 (java)\n" * 20_000


@pytest.mark.parametrize(
    "pack",
    [bytes, gzip.compress, lzma.compress, bz2.compress, zstd.compress],
    ids=["text", "gzip", "xz", "bzip2", "zstd"],
)
def test_a_compressed_file_is_the_text_in_it(pack) -> None:  # noqa: ANN001 - any function of bytes
    """
    A text is the same whether it is compressed or not, also in two streams one after the other.
    """
    assert b"".join(chunks(io.BytesIO(pack(TEXT)))) == TEXT
    assert b"".join(chunks(io.BytesIO(pack(TEXT) + pack(TEXT)))) == TEXT + TEXT


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        functools.partial(lzma.compress, preset=0),
        functools.partial(bz2.compress, compresslevel=1),
        functools.partial(zstd.compress, options={zstd.CompressionParameter.checksum_flag: 1}),  # as the program does
    ],
    ids=["gzip", "xz", "bzip2", "zstd"],
)
@pytest.mark.parametrize("how", ["cut", "damaged"])
def test_what_is_before_the_damage_is_read(pack, how: str) -> None:  # noqa: ANN001 - any function of bytes
    """
    A compressed file that is cut or damaged gives what is before that, and says that it is damaged.
    """
    text = b"".join(b"[%8d.000000] usb %d: new device\n" % (number, number * 7919 % 10007) for number in range(60_000))
    packed = bytearray(pack(text))
    middle = len(packed) * 3 // 4
    if how == "cut":
        del packed[middle:]
    else:
        packed[middle : middle + 64] = bytes(byte ^ 0xFF for byte in packed[middle : middle + 64])
    damages: list[str] = []
    read = b"".join(chunks(io.BytesIO(packed), damaged=damages.append))
    assert len(damages) == 1
    assert read.startswith(text[:10_000])


def test_an_error_of_the_disk_is_not_damage() -> None:
    """
    A file that cannot be read is an error, compressed or not: nothing is left out silently.
    """

    class Failing(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            if self.reads > 2:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(min(size or 0, 100))

    for pack in (bytes, gzip.compress, bz2.compress, zstd.compress):
        with pytest.raises(OSError, match="Input/output"):
            list(chunks(Failing(pack(os.urandom(300_000)))))


def test_a_file_of_pzstd_is_unpacked() -> None:
    """
    A zstd file may begin with a frame that is skipped: pzstd writes the size of the next frame there.
    """
    skipped = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + bytes(4)
    assert b"".join(chunks(io.BytesIO(skipped + zstd.compress(TEXT)))) == TEXT


def test_zstd_with_a_huge_window_takes_no_memory() -> None:
    """
    A zstd file that asks for more than 128 MiB to unpack it is not unpacked, as by the program zstd itself.
    """
    window = zstd.CompressionParameter.window_log
    packer = zstd.ZstdCompressor(options={window: 28})
    damages: list[str] = []
    assert not list(chunks(io.BytesIO(packer.compress(TEXT) + packer.flush()), damaged=damages.append))
    assert len(damages) == 1


def test_progress_counts_the_bytes_of_the_file() -> None:
    """
    Progress is counted in bytes of the file, not of the text in it.
    """
    packed, counts = gzip.compress(TEXT), []
    list(chunks(io.BytesIO(packed), counts.append))
    assert sum(counts) == len(packed)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04", "zip"),
        (b"LPKSHHRH", "journalctl --file"),
        (gzip.compress(bytes(200_000_000), 9), "far more"),
        (zstd.compress(bytes(200_000_000)), "far more"),
    ],
    ids=["zip", "journal", "gzip bomb", "zstd bomb"],
)
def test_a_file_that_is_not_a_text_is_refused(data: bytes, said: str) -> None:
    """
    Files of other kinds, and files that unpack to far too much, are refused with what to do.
    """
    with pytest.raises(UnreadableFileError, match=said):
        for _ in chunks(io.BytesIO(data)):
            pass
