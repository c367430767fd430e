"""
Decode the x86-64 instruction that a CPU refused, as far as its name and the extension that it needs.

Not a disassembler: operands are left out, and an instruction that every x86-64 CPU knows has no name here. Source:
Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2 (prefixes) and appendix A (opcodes).

    0f 0b            ud2: a program ends itself with it
    c5 fd ef c0      vpxor, avx2
    62 f1 7d 48 ...  avx512f
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from parsers import instruction_names as names

LONGEST: Final = 15
_PREFIXES: Final = frozenset(b"\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3")
_REX: Final = range(0x40, 0x50)
_PREFIX_OF_PP: Final = (0, 0x66, 0xF3, 0xF2)
_ENDINGS: Final = {0: "ps", 0x66: "pd", 0xF3: "ss", 0xF2: "sd"}
_NOT_IN_64_BITS: Final = frozenset(b"\x06\x07\x0e\x16\x17\x1e\x1f\x27\x2f\x37\x3f\x60\x61\x82\x9a\xce\xd4\xd5\xd6\xea")
# 0F AE with F3 or 66, by the field reg.
_FENCES: Final = {(0x66, 6): ("clwb", "clwb"), (0x66, 7): ("clflushopt", "clflushopt")}
_SAVES: Final = {4: ("xsave", "xsave"), 6: ("xsaveopt", "xsaveopt")}
_GROUP_9: Final = {6: ("rdrand", "rdrand"), 7: ("rdseed", "rdseed")}
_BLS: Final = {1: "blsr", 2: "blsmsk", 3: "blsi"}
_SHIFTS: Final = {0x66: "shlx", 0xF3: "sarx", 0xF2: "shrx"}


@dataclass(frozen=True, slots=True)
class Instruction:
    """
    A refused instruction.

    Attributes:
        name: as assemblers write it; None where it is not known.
        needs: the flag in /proc/cpuinfo of a CPU that knows it; None where no CPU does, or it is not known.
        ends_program: whether programs run it to end themselves.
    """

    name: str | None
    needs: str | None = None
    ends_program: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeAt:
    """
    What a file has at the place of an instruction.

    Attributes:
        build_id: in hexadecimal.
        function: the symbol that contains the instruction, as the linker wrote it.
        code: the bytes from the instruction on.
        is_x86_64: whether they are x86-64 instructions.
    """

    build_id: str | None
    function: str | None
    code: bytes
    is_x86_64: bool


@dataclass(frozen=True, slots=True)
class _Code:
    """
    The bytes behind the prefixes.

    Attributes:
        map: 1, 2 or 3: 0F, 0F38 or 0F3A.
        prefix: 66, F2, F3, or 0.
        is_wide: whether it works on 256 bits.
    """

    map: int
    prefix: int
    opcode: int
    modrm: int
    is_wide: bool = False

    @property
    def reg(self) -> int:
        """
        The field of ModRM that extends the opcode in some groups.
        """
        return self.modrm >> 3 & 7


def decode_instruction(code: bytes) -> Instruction | None:
    """
    Decode the first instruction.

    Args:
        code: from the instruction on, at least its own bytes; at most 15 are read.

    Returns:
        None where every x86-64 CPU knows it, or the bytes are too few to tell.
    """
    code = code[:LONGEST]
    at, prefix = 0, 0
    while at < len(code) and code[at] in _PREFIXES:
        prefix = code[at] if code[at] in (0x66, 0xF2, 0xF3) and prefix not in (0xF2, 0xF3) else prefix
        at += 1
    has_rex = at < len(code) and code[at] in _REX
    rest = code[at + has_rex :]
    if not rest:
        return None
    if rest[0] in (0xC4, 0xC5, 0x62):
        return _vex(rest)
    if rest[0] == 0x8F and len(rest) > 1 and rest[1] & 0x1F >= 8:
        return Instruction(None, "xop")
    if rest[0] == 0x0F:
        return _legacy(rest, prefix)
    if rest[:2] == b"\xc7\xf8":
        return Instruction("xbegin", "rtm")
    return Instruction(None) if rest[0] in _NOT_IN_64_BITS else None


def _legacy(rest: bytes, prefix: int) -> Instruction | None:
    """
    Decode an instruction that begins with 0F.
    """
    if len(rest) > 3 and rest[1] in (0x38, 0x3A):
        return _legacy_38(rest[2], prefix) if rest[1] == 0x38 else _in_ranges(rest[2], names.LEGACY_3A)
    if len(rest) < 2:
        return None
    opcode, modrm = rest[1], rest[2] if len(rest) > 2 else 0
    if opcode in (0x0B, 0xB9, 0xFF):
        return Instruction({0x0B: "ud2", 0xB9: "ud1", 0xFF: "ud0"}[opcode], ends_program=True)
    if opcode == 0x0F:
        return Instruction(None, "3dnow")
    if opcode == 0xB8 and prefix == 0xF3:
        return Instruction("popcnt", "popcnt")
    return _group(_Code(1, prefix, opcode, modrm))


def _group(code: _Code) -> Instruction | None:
    """
    Decode an instruction of a group, whose ModRM extends the opcode.
    """
    is_register = code.modrm >= 0xC0
    if code.opcode == 0xC7:
        found = _GROUP_9.get(code.reg) if is_register else ("cmpxchg16b", "cx16") if code.reg == 1 else None
    elif code.opcode == 0xAE and is_register and code.prefix == 0xF3 and code.reg < 4:
        found = ("rdfsbase", "fsgsbase")
    elif code.opcode == 0xAE and not is_register:
        found = _FENCES.get((code.prefix, code.reg)) or (_SAVES.get(code.reg) if not code.prefix else None)
    elif code.opcode == 0x01 and code.modrm in (0xD0, 0xD5, 0xEE):
        found = {0xD0: ("xgetbv", "xsave"), 0xD5: ("xend", "rtm"), 0xEE: ("rdpkru", "pku")}[code.modrm]
    else:
        found = None
    return Instruction(*found) if found is not None else None


def _legacy_38(opcode: int, prefix: int) -> Instruction | None:
    if opcode in (0xF0, 0xF1):
        return Instruction("crc32", "sse4_2") if prefix == 0xF2 else Instruction("movbe", "movbe")
    if opcode == 0xF6:
        return Instruction("adox" if prefix == 0xF3 else "adcx", "adx") if prefix in (0x66, 0xF3) else None
    sha = _entry(names.SHA, opcode)
    return Instruction(sha[0], "sha_ni") if sha is not None and not prefix else _in_ranges(opcode, names.LEGACY_38)


def _in_ranges(opcode: int, table: Iterable[tuple[range, str]]) -> Instruction | None:
    needs = next((flag for opcodes, flag in table if opcode in opcodes), None)
    by_name = _entry(names.MAP_38 if table is names.LEGACY_38 else names.MAP_3A, opcode, width=3)
    return Instruction(by_name[0] if by_name is not None else None, needs) if needs is not None else None


def _vex(rest: bytes) -> Instruction | None:
    """
    Decode an instruction with a VEX or EVEX prefix.
    """
    if rest[0] == 0xC5 and len(rest) > 2:
        return _avx(_Code(1, _PREFIX_OF_PP[rest[1] & 3], rest[2], 0, is_wide=bool(rest[1] & 4)))
    if rest[0] == 0xC4 and len(rest) > 4:
        return _avx(_Code(rest[1] & 0x1F, _PREFIX_OF_PP[rest[2] & 3], rest[3], rest[4], is_wide=bool(rest[2] & 4)))
    if rest[0] == 0x62 and len(rest) > 4:
        return _evex(rest[1] & 7, _PREFIX_OF_PP[rest[2] & 3], rest[4])
    return None


def _evex(opcodes: int, prefix: int, opcode: int) -> Instruction:
    if opcodes in (5, 6):
        return Instruction(None, "avx512_fp16")
    bytes_of_map = {1: names.EVEX_BYTES_0F, 2: names.EVEX_BYTES_38}.get(opcodes, frozenset())
    needs = "avx512bw" if opcode in bytes_of_map else "avx512f"
    found = _named(_Code(opcodes, prefix, opcode, 0))
    return Instruction(f"v{found[0]}" if found is not None else None, needs)


def _avx(code: _Code) -> Instruction:
    """
    Name an instruction of AVX, AVX2, FMA, F16C, BMI1 or BMI2.
    """
    general = _general(code)
    if general is not None:
        return general
    order = names.FUSED_ORDERS.get(code.opcode >> 4)
    fused = _entry(names.FUSED, code.opcode & 0xF) if code.map == 2 and code.prefix == 0x66 and order else None
    if fused is not None:
        return Instruction(f"v{fused[0]}{order}", "fma")
    found = _named(code)
    name, flag = found if found is not None else (None, "avx")
    if flag == "-":
        flag = "avx2" if code.is_wide else "avx"
    if code.is_wide and flag in ("aes", "pclmulqdq"):
        flag = {"aes": "vaes", "pclmulqdq": "vpclmulqdq"}[flag]
    return Instruction(f"v{name}" if name is not None else None, flag)


def _named(code: _Code) -> tuple[str, str] | None:
    """
    Return the name without its v, and the flag.
    """
    if code.map in (2, 3):
        found = _entry(names.MAP_38 if code.map == 2 else names.MAP_3A, code.opcode, width=3)
        return (found[0], found[1]) if found is not None else None
    if (floating := _entry(names.FLOATING, code.opcode)) is not None:
        return f"{floating[0]}{_ENDINGS[code.prefix]}", "avx"
    if (move := _entry(names.MOVES, code.opcode)) is not None:
        return f"{move[0]}{_ENDINGS[code.prefix]}" if move[0] in ("movu", "mova") else move[0], "avx"
    integer = _entry(names.INTEGER, code.opcode) if code.prefix == 0x66 else None
    return (integer[0], "-") if integer is not None else None


def _general(code: _Code) -> Instruction | None:
    """
    Decode an instruction with VEX that works on general registers.
    """
    found: tuple[str | None, str] | None
    match code.map, code.opcode:
        case 3, 0xF0 if code.prefix == 0xF2:
            found = "rorx", "bmi2"
        case 2, 0xF2:
            found = "andn", "bmi1"
        case 2, 0xF3:
            found = _BLS.get(code.reg), "bmi1"
        case 2, 0xF5:
            found = {0xF3: "pext", 0xF2: "pdep"}.get(code.prefix, "bzhi"), "bmi2"
        case 2, 0xF6:
            found = "mulx", "bmi2"
        case 2, 0xF7:
            found = (_SHIFTS[code.prefix], "bmi2") if code.prefix else ("bextr", "bmi1")
        case _:
            found = None
    return Instruction(*found) if found is not None else None


def _entry(table: str, opcode: int, width: int = 2) -> Sequence[str] | None:
    """
    Return what stands behind an opcode in a table.

    Args:
        table: words, `width` of them per instruction, the first the opcode in hexadecimal.
        opcode: that is looked for.
        width: words per instruction.
    """
    words = table.split()
    found = (words[at + 1 : at + width] for at in range(0, len(words), width) if int(words[at], 16) == opcode)
    return next(found, None)
