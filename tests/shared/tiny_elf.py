"""
A small executable for x86-64, with a build-id and one function, written byte by byte.
"""

import struct
from typing import Final

BUILD_ID: Final = bytes(range(20))
# The code is mapped from its page on: 4 KiB.
CODE_OFFSET: Final = 0x1000
CODE_ADDRESS: Final = 0x401000
CODE_BYTES: Final = 0x40
MAPPED_BYTES: Final = 0x1000
_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT: Final = struct.Struct("<IIQQQQQQ")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_NOTE_OFFSET: Final = 0x200
SECTIONS_OFFSET: Final = 0x300
_SYMBOLS_OFFSET: Final = 0x500
_STRINGS_OFFSET: Final = 0x600
_STRINGS: Final = b"\0boom\0.symtab\0.strtab\0"


def tiny_elf(code: bytes, build_id: bytes = BUILD_ID) -> bytes:
    """
    Return the file; its function `boom` spans the code.
    """
    note = struct.pack("<III4s", 4, len(build_id), 3, b"GNU\0") + build_id
    symbols = _SYMBOL.pack(0, 0, 0, 0, 0, 0) + _SYMBOL.pack(1, 0x12, 0, 1, CODE_ADDRESS, CODE_BYTES)
    header = _HEADER.pack(
        b"\x7fELF\x02\x01\x01" + bytes(9), 2, 62, 1, CODE_ADDRESS, 64, SECTIONS_OFFSET, 0, 64, 56, 2, 64, 3, 2
    )
    segments = _SEGMENT.pack(1, 5, CODE_OFFSET, CODE_ADDRESS, CODE_ADDRESS, CODE_BYTES, CODE_BYTES, 0x1000)
    segments += _SEGMENT.pack(4, 4, _NOTE_OFFSET, 0, 0, len(note), len(note), 4)
    sections = _SECTION.pack(*[0] * 10)
    sections += _SECTION.pack(6, 2, 0, 0, _SYMBOLS_OFFSET, len(symbols), 2, 1, 8, _SYMBOL.size)
    sections += _SECTION.pack(14, 3, 0, 0, _STRINGS_OFFSET, len(_STRINGS), 0, 0, 1, 0)
    file = bytearray(CODE_OFFSET + CODE_BYTES)
    for offset, part in (
        (0, header + segments),
        (_NOTE_OFFSET, note),
        (SECTIONS_OFFSET, sections),
        (_SYMBOLS_OFFSET, symbols),
        (_STRINGS_OFFSET, _STRINGS),
        (CODE_OFFSET, code),
    ):
        file[offset : offset + len(part)] = part
    return bytes(file)
