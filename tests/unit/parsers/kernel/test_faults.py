"""
Lines about processes that a fault of the processor ended, of every architecture.
"""

import pytest

from parsers.kernel import KernelNotice, NoticeKind, parse_notice


def notice(text: str) -> KernelNotice:
    """
    Parse a line that is a notice.
    """
    found = parse_notice(text)
    assert found is not None, text
    return found


def test_segfault_with_module() -> None:
    """
    A segfault of x86 names the thread, the address, the instruction and the module that the instruction is in.
    """
    found = notice(
        "worker-3[4711]: segfault at 2d0 ip 00007b49bd09a8fd sp 00007fff39e19e80 error 4"
        " in libc.so.6[7b49bd028000+188000] likely on CPU 12 (core 24, socket 0)"
    )
    assert found.kind is NoticeKind.SEGFAULT
    assert found.task is not None
    assert (found.task.id, found.task.comm, found.is_process) == (4711, "worker-3", False)
    assert found.fault is not None
    assert (found.fault.address, found.fault.ip, found.fault.sp) == (0x2D0, 0x7B49BD09A8FD, 0x7FFF39E19E80)
    assert (found.fault.error, found.fault.is_x86) == (4, True)
    assert found.fault.module is not None
    assert (found.fault.module.name, found.fault.module_offset) == ("libc.so.6", 0x728FD)


def test_offset_in_the_file_is_not_that_in_the_mapping() -> None:
    """
    Since Linux 6.11 the line also has the offset in the file, which differs from the one in the mapping.
    """
    found = notice("a[7]: segfault at 0 ip 7019de67398 sp 7ffc29 error 4 in lib.so.1[a398,7019de61000+15000] likely")
    assert found.fault is not None
    assert found.fault.module is not None
    assert (found.fault.module.file_offset, found.fault.module_offset) == (0xA398, 0x6398)


@pytest.mark.parametrize("module", ["", " in SYSV00000000 (deleted)[b5ebc000+60000]"])
def test_jump_into_nothing_has_no_offset(module: str) -> None:
    """
    An instruction that is in no module, or outside the one that is named, has no offset in it.
    """
    found = notice(f"audacity[5571]: segfault at b5e81912 ip b5e81912 sp b4ea8170 error 14{module}")
    assert found.fault is not None
    assert found.fault.ip == found.fault.address == 0xB5E81912
    assert found.fault.module_offset is None


def test_null_pointer_in_words() -> None:
    """
    Old kernels print an instruction pointer of 0 as `(null)`.
    """
    found = notice("proxy[28]: segfault at 0 ip (null) sp bfebcbe0 error 14 in proxy[8048000+6000]")
    assert found.fault is not None
    assert found.fault.ip == 0


@pytest.mark.parametrize("comm", ["queue0:src", "a [b] c", "ganesha.nfsd", "(imesyncd)", "]", "traps: x"])
def test_name_may_be_anything(comm: str) -> None:
    """
    A thread's name may have colons, brackets and blanks.
    """
    found = notice(f"{comm}[88]: segfault at 0 ip 0 sp 7fc220 error 14")
    assert found.task is not None
    assert found.task.id == 88
    assert found.task.comm == comm.removeprefix("traps: ")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("general protection fault", NoticeKind.GENERAL_PROTECTION),
        ("general protection", NoticeKind.GENERAL_PROTECTION),
        ("trap invalid opcode", NoticeKind.INVALID_OPCODE),
        ("trap divide error", NoticeKind.TRAP),
        ("trap int3", NoticeKind.TRAP),
        ("trap stack segment", NoticeKind.TRAP),
        ("control protection", NoticeKind.TRAP),
    ],
)
@pytest.mark.parametrize("prefix", ["", "traps: "])
def test_traps(prefix: str, words: str, kind: NoticeKind) -> None:
    """
    The words of the line say which trap of x86 it is; before Linux 3.6 the line had no `traps:`.
    """
    found = notice(f"{prefix}gdb[11877] {words} ip:5649831c17b sp:7ffc74 error:12a in gdb[56498312000+b000]")
    assert found.kind is kind
    assert found.task is not None
    assert found.task.comm == "gdb"
    assert found.fault is not None
    assert (found.fault.what, found.fault.error, found.fault.address) == (words, 0x12A, None)


def test_masked_pid() -> None:
    """
    Whoever publishes a line may mask its pid; the rest still counts.
    """
    found = notice(
        "traps: nginx[xxxx] trap invalid opcode ip:7fa6c23e sp:7ffc error:0 in memfd:sljit[1e79,7fa6c000+10000]"
    )
    assert found.task is not None
    assert (found.task.id, found.task.comm) == (None, "nginx")
    assert found.fault is not None
    assert found.fault.module is not None
    assert found.fault.module.name == "memfd:sljit"


@pytest.mark.parametrize(
    ("text", "kind", "signal", "address", "module"),
    [
        (
            "app[33]: unhandled level 2 translation fault (11) at 0x00000008, esr 0x92000046, in app[400000+71000]",
            NoticeKind.SEGFAULT,
            11,
            8,
            "app",
        ),
        ("hook[28]: unhandled level 1 translation fault (11) at 0x0, esr 0x92000005", NoticeKind.SEGFAULT, 11, 0, None),
        (
            "mte[22]: unhandled exception: DABT (lower EL), ESR 0x92000051, tag check fault in mte[b847a9c80000+1000]",
            NoticeKind.SEGFAULT,
            None,
            None,
            "mte",
        ),
        (
            "x[22]: unhandled exception: undefined instruction in x[aaaac0de0000+1000]",
            NoticeKind.INVALID_OPCODE,
            None,
            None,
            "x",
        ),
        ("mkfs.ext4[21]: undefined instruction: pc=0000007f939a0700", NoticeKind.INVALID_OPCODE, None, None, None),
        ("init: unhandled page fault (11) at 0x000008ec, code 0x005", NoticeKind.SEGFAULT, 11, 0x8EC, None),
        (
            "init[42]: segfault (11) at 50 nip 12d03a920 lr 12d03a91c code 1 in busybox[12cfd0000+100000]",
            NoticeKind.SEGFAULT,
            11,
            0x50,
            "busybox",
        ),
        (
            "a[42]: illegal instruction (4) at 12d0 nip 12d0 lr 12d03a91c code 1 in a[1000+1000]",
            NoticeKind.INVALID_OPCODE,
            4,
            0x12D0,
            "a",
        ),
        ("a[42]: unhandled signal 11 at 0000 nip 0000 lr 1 code 30001", NoticeKind.SEGFAULT, 11, 0, None),
        (
            "rustc[14]: unhandled signal 11 code 0x1 at 0x0000000000000008 in librustc-ac97.so[3fab1a3000+6fb9000]",
            NoticeKind.SEGFAULT,
            11,
            8,
            "librustc-ac97.so",
        ),
        (
            "User process fault: interruption code 0010 ilc:2 in libautofs.so[3ffa0300000+29000]",
            NoticeKind.SEGFAULT,
            None,
            None,
            "libautofs.so",
        ),
        (
            "User process fault: interruption code 0007 ilc:3 in bash[2aa3d780000+149000]",
            NoticeKind.TRAP,
            None,
            None,
            "bash",
        ),
        (
            "do_page_fault(): sending SIGSEGV to rpcd for invalid read access from 00000014",
            NoticeKind.SEGFAULT,
            11,
            0x14,
            None,
        ),
    ],
)
def test_other_architectures(
    text: str, kind: NoticeKind, signal: int | None, address: int | None, module: str | None
) -> None:
    """
    The lines of arm64, arm, powerpc, riscv, s390 and mips give the same facts, as far as each of them has them.
    """
    found = notice(text)
    assert (found.kind, found.signal) == (kind, signal)
    assert found.fault is not None
    assert (found.fault.address, found.fault.is_x86) == (address, False)
    assert (found.fault.module.name if found.fault.module is not None else None) == module


@pytest.mark.parametrize(
    "text",
    [
        "general protection fault: 0031 [#1] SMP PTI",
        "worker process 32408 exited on signal 11 (core dumped)",
        "the log of it says: a[7]: segfault at 0 ip 0 sp 0 error 4",
        "*** Caught signal (Segmentation fault) **",
        "a[7]: segfault at",
    ],
)
def test_other_lines_are_none(text: str) -> None:
    """
    An oops of the kernel, the log of an application, a quotation and a line that is cut too short are no notices.
    """
    assert parse_notice(text) is None
