"""
Lines that add to the kernel notice before them.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.kernel import (
    KernelNotice,
    Module,
    NoticeDetail,
    NoticeKind,
    Suppressed,
    TaskName,
    extended,
    lacks_detail,
    may_be_detail,
    parse_detail,
    parse_notice,
)

TASK = TaskName(id=33, comm="hog")
LIB = Module(name="lib.so", base=0x77D80000, size=0x15000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CPU: 1 PID: 33 Comm: hog Not tainted 6.1.0", NoticeDetail(task=TASK)),
        ("CPU: 0 UID: 0 PID: 33 Comm: hog Tainted: G 6.12.6", NoticeDetail(task=TASK)),
        ("Failing address: 000003ff87fff000 TEID: 000003ff87fff800", NoticeDetail(address=0x3FF87FFF000)),
        (
            "epc : 0000003faee8d1aa ra : 0000003faf093baa sp : 0000003faae67fc0",
            NoticeDetail(ip=0x3FAEE8D1AA, sp=0x3FAAE67FC0),
        ),
        ("epc = 77d83dd1 in lib.so[77d80000+15000]", NoticeDetail(ip=0x77D83DD1, module=LIB)),
        ("pc : 0x4003f4", NoticeDetail(ip=0x4003F4)),
        ("pc : [<0000007f863750d0>] lr : [<0000007f863751a0>]", NoticeDetail(ip=0x7F863750D0)),
        ("PC is at 0x76ef6bbe", NoticeDetail(ip=0x76EF6BBE)),
        ("sp : 0000fffffe94a060", NoticeDetail(sp=0xFFFFFE94A060)),
        (" in lib.so[61c9d,77d80000+15000]", NoticeDetail(module=replace(LIB, file_offset=0x61C9D))),
        (
            "prog: hog: potentially unexpected fatal signal 11.",
            NoticeDetail(task=TaskName(id=None, comm="hog"), signal=11, exe="prog"),
        ),
        ("  cache: tw_sock_TCPv6(960:box), object size: 232, buffer size: 240", NoticeDetail(cgroup="box")),
        ("show_signal_msg: 15 callbacks suppressed", Suppressed(kinds=frozenset({NoticeKind.SEGFAULT}), count=15)),
        ("net_ratelimit: 9 callbacks suppressed", Suppressed(kinds=frozenset({NoticeKind.NETWORK_ERROR}), count=9)),
        ("__ratelimit: 66 callbacks suppressed", None),
        ("docker0: port 1(veth3ab4c5d) entered blocking state", None),
    ],
)
def test_forms(text: str, expected: NoticeDetail | Suppressed | None) -> None:
    """
    Each form of a line gives its values; a count without the function that it is about says nothing.
    """
    assert parse_detail(text) == expected
    assert expected is None or may_be_detail(text)


def read(first: str, *others: str) -> KernelNotice:
    """
    Return a notice with what the lines after it add.
    """
    notice = parse_notice(first)
    assert notice is not None
    assert lacks_detail(notice)
    for text in others:
        detail = parse_detail(text)
        assert isinstance(detail, NoticeDetail)
        notice = extended(notice, detail) or notice
    return notice


def test_s390_names_the_task_later() -> None:
    """
    On s390 the first line has only the interruption code and the module.
    """
    found = read(
        "User process fault: interruption code 0010 ilc:2 in lib.so[77d80000+15000]",
        "Failing address: 000003ff87fff000 TEID: 000003ff87fff800",
        "CPU: 0 PID: 33 Comm: hog Not tainted 5.15.0",
    )
    assert found.task == TASK
    assert found.fault is not None
    assert found.fault.address == 0x3FF87FFF000


def test_registers_give_the_place_in_the_module() -> None:
    """
    On riscv and MIPS the instruction is in a line of its own.
    """
    riscv = read(
        "hog[33]: unhandled signal 11 code 0x1 at 0x0000000000000008 in lib.so[77d80000+15000]",
        "epc : 0000000077d83dd1 ra : 0000003faf093baa sp : 0000003faae67fc0",
    )
    mips = read(
        "do_page_fault(): sending SIGSEGV to hog for invalid read access from 00000014",
        "epc = 77d83dd1 in lib.so[77d80000+15000]",
    )
    assert [found.fault.module_offset if found.fault is not None else None for found in (riscv, mips)] == [0x3DD1] * 2


def test_a_line_about_another_task_adds_nothing() -> None:
    """
    The registers of another process, and a file that does not hold the instruction, belong to another notice.
    """
    notice = parse_notice("init: unhandled page fault (11) at 0x000008ec, code 0x005")
    assert notice is not None
    assert extended(notice, NoticeDetail(task=TASK)) is None
    crash = parse_notice("hog[33]: segfault at 1da718 ip 00007f4161aeac9d sp 00007f41615a6a00 error 6")
    assert crash is not None
    assert extended(crash, NoticeDetail(module=LIB)) is None
    assert extended(crash, NoticeDetail(cgroup="box")) is None


@given(st.text(max_size=80), st.sampled_from(["CPU: 1 PID: 3", "epc : 00", " in ", "sp : 00", "  cache: a(1:", "x: "]))
def test_any_text_gives_a_detail_or_nothing(text: str, beginning: str) -> None:
    """
    The parser is total, and a detail leaves what the notice says as it is.
    """
    detail = parse_detail(beginning + text)
    notice = parse_notice("hog[33]: segfault at 8 ip 50 sp 7ffc error 4")
    assert notice is not None
    if isinstance(detail, NoticeDetail) and (more := extended(notice, detail)) is not None:
        assert more.task == notice.task
        assert (more.kind, more.fatal) == (notice.kind, notice.fatal)
