"""
The names of refused x86 instructions, and what they need of the CPU. The bytes were written by an assembler.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.instruction import Instruction, decode_instruction


@pytest.mark.parametrize(
    ("code", "name", "needs"),
    [
        ("c5 fd ef c0", "vpxor", "avx2"),
        ("c5 f9 ef c0", "vpxor", "avx"),
        ("c5 ec 58 cb", "vaddps", "avx"),
        ("c4 e2 75 b8 c2", "vfmadd231", "fma"),
        ("c4 e2 f1 99 c2", "vfmadd132", "fma"),
        ("c4 e3 fd 00 c1 03", "vpermq", "avx2"),
        ("c4 e2 7d 58 c1", "vpbroadcastd", "avx2"),
        ("c4 e2 6d 92 04 88", "vgatherd", "avx2"),
        ("c4 e2 79 13 c1", "vcvtph2ps", "f16c"),
        ("62 f1 74 48 58 c2", "vaddps", "avx512f"),
        ("62 f1 75 48 fc c2", "vpaddb", "avx512bw"),
        ("62 f5 7c 48 58 c0", None, "avx512_fp16"),
        ("f3 48 0f b8 c3", "popcnt", "popcnt"),
        ("f2 0f 38 f0 c3", "crc32", "sse4_2"),
        ("c4 e2 60 f2 c1", "andn", "bmi1"),
        ("c4 e2 78 f3 cb", "blsr", "bmi1"),
        ("c4 e2 70 f7 c3", "bextr", "bmi1"),
        ("c4 e2 71 f7 c3", "shlx", "bmi2"),
        ("c4 e2 62 f5 c1", "pext", "bmi2"),
        ("c4 e2 63 f6 c1", "mulx", "bmi2"),
        ("c4 e3 7b f0 c3 03", "rorx", "bmi2"),
        ("66 0f 38 00 c1", "pshufb", "ssse3"),
        ("66 0f 38 40 c1", "pmulld", "sse4_1"),
        ("66 0f 38 37 c1", "pcmpgtq", "sse4_2"),
        ("66 0f 3a 63 c1 02", "pcmpistri", "sse4_2"),
        ("66 0f 38 dc c1", "aesenc", "aes"),
        ("c4 e2 75 dc c2", "vaesenc", "vaes"),
        ("66 0f 3a 44 c1 01", "pclmulqdq", "pclmulqdq"),
        ("0f 38 cb c1", "sha256rnds2", "sha_ni"),
        ("0f c7 f0", "rdrand", "rdrand"),
        ("48 0f c7 f8", "rdseed", "rdseed"),
        ("0f 38 f0 03", "movbe", "movbe"),
        ("66 0f 38 f6 c3", "adcx", "adx"),
        ("48 0f c7 08", "cmpxchg16b", "cx16"),
        ("66 0f ae 30", "clwb", "clwb"),
        ("c7 f8 00 00 00 00", "xbegin", "rtm"),
    ],
)
def test_what_an_instruction_needs(code: str, name: str | None, needs: str) -> None:
    """
    The extension is named as /proc/cpuinfo names it.
    """
    assert decode_instruction(bytes.fromhex(code)) == Instruction(name, needs)


@pytest.mark.parametrize(("code", "name"), [("0f 0b 90", "ud2"), ("0f b9 c0", "ud1"), ("67 0f b9 40 02", "ud1")])
def test_a_program_that_ends_itself(code: str, name: str) -> None:
    """
    No CPU knows these: programs run them on purpose.
    """
    assert decode_instruction(bytes.fromhex(code)) == Instruction(name, ends_program=True)


@pytest.mark.parametrize("code", ["", "66", "48", "89 d8", "90", "f3 0f 1e fa", "f3 0f bc c3", "0f", "c4 e2", "62 f1"])
def test_nothing_to_say(code: str) -> None:
    """
    An instruction of every CPU, and bytes that are too few, give nothing.
    """
    assert decode_instruction(bytes.fromhex(code)) is None


@given(st.binary(max_size=20))
def test_any_bytes(code: bytes) -> None:
    """
    Any bytes give an instruction or nothing.
    """
    found = decode_instruction(code)
    assert found is None or found.needs is None or not found.ends_program


@given(st.sampled_from([b"\xc5", b"\xc4", b"\x62", b"\x0f\x38", b"\x0f\x3a", b"\x66\x0f"]), st.binary(max_size=12))
def test_any_bytes_behind_a_prefix(prefix: bytes, code: bytes) -> None:
    """
    So do any bytes behind a prefix of the extensions.
    """
    found = decode_instruction(prefix + code)
    assert found is None or found.needs is None or not found.ends_program
