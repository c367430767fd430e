"""
What an ELF file says of an instruction.
"""

import os
import struct
import tempfile
import time
import tracemalloc
import zlib

from hypothesis import given
from hypothesis import strategies as st

from collector.host.executable import read_code
from parsers.instruction import CodeAt
from parsers.kernel import Module
from tests.shared.tiny_elf import BUILD_ID, CODE_BYTES, CODE_OFFSET, MAPPED_BYTES, SECTIONS_OFFSET, tiny_elf

UD2 = b"\x0f\x0b"
BASE = 0x55D0C5D2A000
MAPPED = Module(name="tiny", base=BASE, size=MAPPED_BYTES)


def read(data: bytes, module: Module = MAPPED, at: int = 0, within_s: float = 5.0) -> CodeAt | None:
    """
    Return what a file with these bytes says.
    """
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        return read_code(file.fileno(), module, BASE + at, time.monotonic() + within_s)


def test_build_id_function_and_code() -> None:
    """
    The offset from the beginning of the mapping leads to the function and to the bytes, wherever the file was mapped.
    """
    found = read(tiny_elf(b"\x90" * 16 + UD2), at=16)
    assert found is not None
    assert (found.build_id, found.function, found.code[:2]) == (BUILD_ID.hex(), "boom", UD2)
    assert found.is_x86_64


def test_an_address_behind_the_function() -> None:
    """
    A place that no symbol covers has no function, and the file still has its build-id.
    """
    found = read(tiny_elf(UD2), at=CODE_BYTES)
    assert found is not None
    assert (found.build_id, found.function) == (BUILD_ID.hex(), None)


def test_another_file_than_the_one_that_was_mapped() -> None:
    """
    A file whose code has another size than the mapping, or another place, is not the one that crashed.
    """
    assert read(tiny_elf(UD2), Module(name="tiny", base=BASE, size=2 * MAPPED_BYTES)) is None
    assert read(tiny_elf(UD2), Module(name="tiny", base=BASE, size=MAPPED_BYTES, file_offset=0x9000)) is None
    mapped = Module(name="tiny", base=BASE, size=MAPPED_BYTES, file_offset=CODE_OFFSET)
    assert read(tiny_elf(UD2), mapped) is not None


def test_a_deadline_that_has_passed() -> None:
    """
    After the deadline nothing is read.
    """
    assert read(tiny_elf(UD2), within_s=-1.0) is None


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    """
    Any bytes are no file, and nothing is raised.
    """
    assert read(data) is None


@given(st.lists(st.tuples(st.integers(0, 0x6FF), st.binary(min_size=1, max_size=8)), max_size=6))
def test_a_hostile_file(changes: list[tuple[int, bytes]]) -> None:
    """
    Whatever a file claims, reading it ends, and raises nothing.
    """
    data = bytearray(tiny_elf(UD2))
    for at, part in changes:
        data[at : at + len(part)] = part
    found = read(bytes(data), within_s=2.0)
    assert found is None or found.function is None or len(found.function) <= 256


def peak_bytes(data: bytes) -> int:
    """
    Return how much memory reading a file with these bytes takes.
    """
    tracemalloc.start()
    try:
        read(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_table_of_symbols_that_unpacks_to_much_more() -> None:
    """
    No linker compresses it, and a container could have the agent unpack gigabytes.
    """
    size = 1 << 27
    packed = struct.pack("<IIQQ", 1, 0, size, 8) + zlib.compress(bytes(size), 9)
    packed += bytes(-len(packed) % 24)
    data = bytearray(tiny_elf(UD2))
    table = SECTIONS_OFFSET + 64
    data[table + 8 : table + 16] = struct.pack("<Q", 0x800)
    data[table + 24 : table + 40] = struct.pack("<QQ", len(data), len(packed))
    assert peak_bytes(bytes(data) + packed) < 1 << 23


def test_a_note_of_megabytes() -> None:
    """
    A note claims any size, and a hole in the file takes no room on a disk.
    """
    data = bytearray(tiny_elf(UD2))
    note = data.index(b"GNU\0") - 12
    data[note + 4 : note + 8] = struct.pack("<I", 1 << 25)
    assert peak_bytes(bytes(data) + bytes(1 << 25)) < 1 << 23


def test_a_huge_sparse_file() -> None:
    """
    No more than the bound is read of a file, however large it claims its parts to be.
    """
    with tempfile.TemporaryFile() as file:
        data = bytearray(tiny_elf(UD2))
        data[64 + 56 + 32 : 64 + 56 + 40] = (1 << 35).to_bytes(8, "little")
        data[0x200:0x208] = b"\x04\0\0\0\0\0\0\xf0"
        file.write(data)
        file.flush()
        os.ftruncate(file.fileno(), 1 << 36)
        assert read_code(file.fileno(), MAPPED, BASE, time.monotonic() + 5) is None
