"""
Reads what an ELF file says of one instruction: the build-id of the file, the function, and the bytes of the code.

The file may be hostile. Everything that is read counts towards a bound, and there is a deadline; what does not fit is
an unreadable file. Formats: elf(5); the build-id is the note NT_GNU_BUILD_ID.
"""

import io
import os
import struct
import time
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any, Final, cast

from parsers.instruction import LONGEST, CodeAt
from parsers.kernel import Module
from sinks.text import printable

_PAGE_BYTES: Final = 4096
_READ_AT_MOST: Final = 96 * 1024 * 1024
_SYMBOLS_AT_MOST: Final = 48 * 1024 * 1024
# Of headers, notes and names.
_READ_AT_ONCE: Final = 1024 * 1024
_PARTS_AT_MOST: Final = 256
_NAME_LENGTH: Final = 256
_BUILD_ID_LENGTH: Final = 64
_EXECUTABLE: Final = 1
# struct, and the indices of name, info, value and size in it, by the class of the file (Elf32_Sym, Elf64_Sym).
_SYMBOLS: Final = {32: ("IIIBBH", (0, 3, 1, 2)), 64: ("IBBHQQ", (0, 1, 4, 5))}
# STT_FUNC, STT_GNU_IFUNC.
_FUNCTIONS: Final = frozenset({2, 10})


def read_code(descriptor: int, module: Module, ip: int, deadline_s: float) -> CodeAt | None:
    """
    Read what a file says of an instruction; blocks.

    Args:
        descriptor: the file, open for reading.
        module: the mapping of the file, as the kernel printed it.
        ip: the address of the instruction.
        deadline_s: on the clock of `time.monotonic`.

    Returns:
        None if it is not an ELF file, or not the one that was mapped: its code has another size.
    """
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415 (only an agent that sees a crash needs it)

    stream = _Bounded(descriptor, deadline_s)
    try:
        return _read(ELFFile(cast("IO[bytes]", stream)), stream, module, ip)
    except Exception:  # noqa: BLE001 (a hostile file: the library raises whatever its parts raise)
        return None


class _Bounded(io.RawIOBase):
    """
    A file of which no more than a bound is read, and nothing after a deadline.
    """

    def __init__(self, descriptor: int, deadline_s: float) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._deadline_s = deadline_s
        self._left_bytes = _READ_AT_MOST
        self._at = 0
        self._size = os.fstat(descriptor).st_size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int | None = -1, at_most: int = _READ_AT_ONCE) -> bytes:
        wanted = self._size if size is None or size < 0 else size
        wanted = min(wanted, max(self._size - self._at, 0))
        self._left_bytes -= wanted
        if wanted > at_most or self._left_bytes < 0 or time.monotonic() > self._deadline_s:
            raise OSError
        data = os.pread(self._descriptor, wanted, self._at)
        self._at += len(data)
        return data


def _read(file: Any, stream: _Bounded, module: Module, ip: int) -> CodeAt | None:  # noqa: ANN401 (elftools has no types)
    place = _place(file, module, ip)
    if place is None:
        return None
    offset, address = place
    return CodeAt(
        build_id=_build_id(file),
        function=_function(file, stream, address),
        code=_at(stream, offset),
        is_x86_64=file.header["e_machine"] == "EM_X86_64",
    )


def _at(stream: _Bounded, offset: int) -> bytes:
    stream.seek(offset)
    return stream.read(LONGEST)


def _place(file: Any, module: Module, ip: int) -> tuple[int, int] | None:  # noqa: ANN401
    """
    Return where the instruction is in the file, and its address as the symbols count.
    """
    in_mapping = module.offset_of(ip)
    if in_mapping is None:
        return None
    for segment in islice(file.iter_segments(), _PARTS_AT_MOST):
        header = segment.header
        if header["p_type"] != "PT_LOAD" or not header["p_flags"] & _EXECUTABLE:
            continue
        begin = header["p_vaddr"] // _PAGE_BYTES * _PAGE_BYTES
        end = -(-(header["p_vaddr"] + header["p_filesz"]) // _PAGE_BYTES) * _PAGE_BYTES
        offset = header["p_offset"] // _PAGE_BYTES * _PAGE_BYTES + in_mapping
        if end - begin == module.size and module.file_offset in (None, offset):
            return offset, begin + in_mapping
    return None


def _build_id(file: Any) -> str | None:  # noqa: ANN401
    for segment in islice(file.iter_segments(), _PARTS_AT_MOST):
        if segment.header["p_type"] != "PT_NOTE":
            continue
        for note in islice(segment.iter_notes(), _PARTS_AT_MOST):
            if note["n_type"] == "NT_GNU_BUILD_ID":
                return str(note["n_desc"])[:_BUILD_ID_LENGTH]
    return None


def _function(file: Any, stream: _Bounded, address: int) -> str | None:  # noqa: ANN401
    """
    Return the symbol that contains an address; of the full table where the file has one, else of the dynamic one.

    The table is read as it is: the library would unpack one that is compressed, to any size.
    """
    for kind in ("SHT_SYMTAB", "SHT_DYNSYM"):
        sections = islice(file.iter_sections(), _PARTS_AT_MOST)
        table = next((section for section in sections if section.header["sh_type"] == kind), None)
        if table is None or table.compressed:
            continue
        stream.seek(table.header["sh_offset"])
        data = stream.read(table.header["sh_size"], _SYMBOLS_AT_MOST)
        found = _containing(_symbols(data, file), address)
        if found is not None:
            name = file.get_section(table.header["sh_link"]).get_string(found)
            return printable(name)[:_NAME_LENGTH] or None
    return None


def _symbols(data: bytes, file: Any) -> Iterator[tuple[int, int, int, int]]:  # noqa: ANN401
    """
    Yield name, info, value and size of each symbol. The library itself takes a hundred times as long.
    """
    form, indices = _SYMBOLS[file.elfclass]
    entry = struct.Struct(("<" if file.little_endian else ">") + form)
    name, info, value, size = indices
    for symbol in entry.iter_unpack(data[: len(data) // entry.size * entry.size]):
        yield symbol[name], symbol[info], symbol[value], symbol[size]


def _containing(symbols: Iterator[tuple[int, int, int, int]], address: int) -> int | None:
    """
    Return the name of the function that contains an address, of several the one that begins last.
    """
    best: tuple[int, int] | None = None
    for name, info, value, size in symbols:
        if value <= address < value + size and info & 0xF in _FUNCTIONS and (best is None or value > best[0]):
            best = (value, name)
    return best[1] if best is not None else None
