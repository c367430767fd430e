"""
The names of system calls.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.kernel import syscall_name

X86_64 = 0xC000003E
I386 = 0x40000003
AARCH64 = 0xC00000B7


@pytest.mark.parametrize(
    ("arch", "number", "name"),
    [
        (X86_64, 0, "read"),
        (X86_64, 59, "execve"),
        (X86_64, 165, "mount"),
        (X86_64, 272, "unshare"),
        (X86_64, 334, "rseq"),
        (I386, 11, "execve"),
        (I386, 310, "unshare"),
        (I386, 423, "sched_rr_get_interval_time64"),
        (AARCH64, 97, "unshare"),
        (AARCH64, 221, "execve"),
        (AARCH64, 294, "kexec_file_load"),
    ],
)
def test_each_architecture_has_its_own_numbers(arch: int, number: int, name: str) -> None:
    """
    The same call has another number on another architecture.
    """
    assert syscall_name(number, arch) == name


@pytest.mark.parametrize("arch", [X86_64, I386, AARCH64])
def test_newer_calls_have_one_number_everywhere(arch: int) -> None:
    """
    From 424 on the numbers are the same for all.
    """
    assert [syscall_name(number, arch) for number in (424, 435, 462)] == ["pidfd_send_signal", "clone3", "mseal"]


@pytest.mark.parametrize(
    ("number", "arch"), [(None, X86_64), (1, None), (1, 0xC0000015), (222, I386), (340, X86_64), (-1, X86_64)]
)
def test_a_call_without_a_name(number: int | None, arch: int | None) -> None:
    """
    An unknown architecture, and a number that nothing has, give no name.
    """
    assert syscall_name(number, arch) is None


@given(st.integers(), st.sampled_from([X86_64, I386, AARCH64, 0]))
def test_any_number(number: int, arch: int) -> None:
    """
    Any number gives a name or nothing.
    """
    name = syscall_name(number, arch)
    assert name is None or name.isidentifier()
