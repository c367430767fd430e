"""
Parse the lines about processes that a fault of the processor ended.

The kernel prints the *thread*: `task_pid_nr`, and its name. It prints nothing where the process handles the signal, and
on arm64 only with `debug.exception-trace=1`. Sources: arch/*/mm/fault.c, arch/x86/kernel/traps.c,
arch/arm64/kernel/traps.c, arch/powerpc/kernel/traps.c, arch/riscv/kernel/traps.c, mm/memory.c (print_vma_addr).

    iperf3[1525756]: segfault at 2d0 ip 00007b49bd09a8fd sp 00007fff39e19e80 error 4 in libc.so.6[7b49bd028000+188000]
    traps: a[15511] trap invalid opcode ip:55db2f26fa9b sp:7fff904b0b80 error:0 in a[55db2f26c000+6000]
    sigsegv[33]: unhandled level 2 translation fault (11) at 0x00000000, esr 0x92000046, in sigsegv[400000+71000]
    lxsession[7255]: segfault (11) at 800000 nip ff6a770 lr ff6a760 code 1 in libglib-2.0.so.0.4800.2[feaf000+11f000]
    rustc[1472]: unhandled signal 11 code 0x1 at 0x0000000000000008 in librustc_driver-ac97.so[3fab1a3000+6fb9000]
    User process fault: interruption code 0010 ilc:2 in libautofs.so[3ffa0300000+29000]
"""

import re
from collections.abc import Callable
from typing import Final

from parsers.kernel.facts import Fault, KernelNotice, Module, NoticeKind, TaskName

# A name may hold anything, brackets too; it has at most 15 bytes. Whoever publishes a log masks pids with x.
_TASK: Final = r"\A(?:traps: )?(?P<comm>.{1,15})\[(?P<tid>[0-9]{1,10}|x+)\]"
_HEX: Final = r"(?:0x)?[0-9a-fA-F]{1,16}"
_NUMBER: Final = rf"(?:{_HEX}|\(null\)|\(nil\))"
_SEGFAULT: Final = re.compile(
    rf"{_TASK}: segfault at (?P<address>{_NUMBER}) [re]?ip (?P<ip>{_NUMBER})(?: \(rpc {_NUMBER}\))?"
    rf" [re]?sp (?P<sp>{_NUMBER}) error (?P<error>{_HEX})\b"
)
_TRAP: Final = re.compile(
    rf"{_TASK} (?P<what>general protection(?: fault)?|control protection|trap [A-Za-z0-9 ]{{2,40}}?)"
    rf" [re]?ip:(?P<ip>{_NUMBER}) [re]?sp:(?P<sp>{_NUMBER})(?: ssp:{_NUMBER})? error:(?P<error>{_HEX})"
)
_ARM64_OLD: Final = re.compile(
    rf"{_TASK}: unhandled (?P<what>[^(]{{1,60}}?) \((?P<signal>[0-9]{{1,2}})\) at (?P<address>{_HEX}),"
    rf" (?:esr|ESR) (?P<error>{_HEX})"
)
_ARM64: Final = re.compile(
    rf"{_TASK}: unhandled exception: (?:[^,]{{1,60}}, ESR (?P<error>{_HEX}), )?(?P<what>.{{1,60}}?)(?= in |\Z)"
)
_ARM64_UNDEFINED: Final = re.compile(rf"{_TASK}: undefined instruction: pc=(?P<ip>{_HEX})")
_ARM: Final = re.compile(
    rf"\A(?P<comm>.{{1,15}}): unhandled page fault \((?P<signal>[0-9]{{1,2}})\) at (?P<address>{_HEX}),"
    rf" code (?P<error>{_HEX})"
)
_POWERPC: Final = re.compile(
    rf"{_TASK}: (?P<what>segfault|bus error|illegal instruction|floating point exception|unhandled trap|unknown signal"
    rf"|unhandled signal) \(?(?P<signal>[0-9]{{1,2}})\)? at (?P<address>{_HEX}) nip (?P<ip>{_HEX}) lr {_HEX} code"
)
_RISCV: Final = re.compile(rf"{_TASK}: unhandled signal (?P<signal>[0-9]{{1,2}}) code {_HEX} at (?P<address>{_HEX})")
_S390: Final = re.compile(rf"\AUser process fault: interruption code (?P<error>{_HEX})\b")
_MIPS: Final = re.compile(
    rf"\Ado_page_fault\(\): sending (?P<what>SIG[A-Z]{{3,6}}) to (?P<comm>.{{1,15}}) for invalid (?:read|write) access"
    rf" (?:from|to)\s+(?P<address>{_HEX})"
)
# Since 6.11: [offset in the file,base+size].
_MODULE: Final = re.compile(
    rf" in (?P<name>[^\n]{{1,255}}?)(?: \(deleted\))?"
    rf"(?:\[(?:(?P<offset>{_HEX}),)?(?P<base>{_HEX})\+(?P<size>{_HEX})\]|\])"
)
# With kernel.print-fatal-signals=1; newer kernels print the file that the process runs first (kernel/signal.c).
_FATAL_SIGNAL: Final = re.compile(
    r"\A(?:(?P<exe>[^\n:]{1,255}): )?(?P<comm>[^\n:]{1,15}): potentially unexpected fatal signal"
    r" (?P<signal>[0-9]{1,2})\."
)
_SIGNALS: Final = {
    4: NoticeKind.INVALID_OPCODE,
    5: NoticeKind.TRAP,
    7: NoticeKind.SEGFAULT,
    8: NoticeKind.TRAP,
    11: NoticeKind.SEGFAULT,
}
_SIGNAL_NUMBERS: Final = {"SIGSEGV": 11, "SIGBUS": 7}
# The program interruptions of the z/Architecture; the high byte has flags.
_S390_CODE: Final = 0x7F
_S390_OPERATION: Final = 0x01
_S390_ACCESS: Final = frozenset({0x04, 0x05, 0x10, 0x11, 0x38, 0x39, 0x3A, 0x3B})


def parse_fault(text: str) -> KernelNotice | None:
    """
    Parse a line about a process that a fault of the processor, or a signal that nobody expects, ended.
    """
    for pattern, read in _FORMS:
        found = pattern.match(text)
        if found is not None:
            return read(found, _module(text, found.end()))
    found = _FATAL_SIGNAL.match(text)
    return _fatal_signal(found) if found is not None else None


def _fatal_signal(found: re.Match[str]) -> KernelNotice:
    return KernelNotice(
        kind=NoticeKind.ABNORMAL_END,
        task=TaskName(id=None, comm=found["comm"]),
        signal=int(found["signal"]),
        exe=found["exe"],
        fatal=True,
    )


def _segfault(found: re.Match[str], module: Module | None) -> KernelNotice:
    return _notice(NoticeKind.SEGFAULT, found, module, is_x86=True)


def _trap(found: re.Match[str], module: Module | None) -> KernelNotice:
    what = found["what"]
    kind = NoticeKind.TRAP
    if what.startswith("general protection"):
        kind = NoticeKind.GENERAL_PROTECTION
    elif what == "trap invalid opcode":
        kind = NoticeKind.INVALID_OPCODE
    return _notice(kind, found, module, is_x86=True)


def _signalled(found: re.Match[str], module: Module | None) -> KernelNotice:
    signal = int(found["signal"])
    return _notice(_SIGNALS.get(signal, NoticeKind.TRAP), found, module, signal=signal)


def _arm64(found: re.Match[str], module: Module | None) -> KernelNotice:
    what = found["what"].lower()
    if "undefined" in what or "illegal" in what:
        return _notice(NoticeKind.INVALID_OPCODE, found, module)
    is_access = "fault" in what and "alignment" not in what
    return _notice(NoticeKind.SEGFAULT if is_access else NoticeKind.TRAP, found, module)


def _undefined(found: re.Match[str], module: Module | None) -> KernelNotice:
    return _notice(NoticeKind.INVALID_OPCODE, found, module)


def _s390(found: re.Match[str], module: Module | None) -> KernelNotice:
    code = int(found["error"], 16) & _S390_CODE
    kind = NoticeKind.SEGFAULT if code in _S390_ACCESS else NoticeKind.TRAP
    return _notice(NoticeKind.INVALID_OPCODE if code == _S390_OPERATION else kind, found, module)


def _mips(found: re.Match[str], module: Module | None) -> KernelNotice:
    return _notice(NoticeKind.SEGFAULT, found, module, signal=_SIGNAL_NUMBERS.get(found["what"]))


_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Module | None], KernelNotice]], ...]] = (
    (_SEGFAULT, _segfault),
    (_TRAP, _trap),
    (_ARM64_OLD, _signalled),
    (_ARM64, _arm64),
    (_ARM64_UNDEFINED, _undefined),
    (_ARM, _signalled),
    (_POWERPC, _signalled),
    (_RISCV, _signalled),
    (_S390, _s390),
    (_MIPS, _mips),
)


def _notice(
    kind: NoticeKind, found: re.Match[str], module: Module | None, *, signal: int | None = None, is_x86: bool = False
) -> KernelNotice:
    said = found.groupdict()
    tid, comm = said.get("tid"), said.get("comm")
    task = TaskName(id=int(tid) if tid is not None and tid.isdecimal() else None, comm=comm)
    return KernelNotice(
        kind=kind,
        task=task if comm is not None else None,
        signal=signal,
        fault=Fault(
            address=_number(said.get("address")),
            ip=_number(said.get("ip")),
            sp=_number(said.get("sp")),
            error=_number(said.get("error")),
            what=said.get("what"),
            is_x86=is_x86,
            module=module,
        ),
        fatal=True,
    )


def _module(text: str, begin: int) -> Module | None:
    found = _MODULE.search(text, begin)
    if found is None:
        return None
    return Module(
        name=found["name"],
        base=_number(found["base"]),
        size=_number(found["size"]),
        file_offset=_number(found["offset"]),
    )


def _number(text: str | None) -> int | None:
    """
    Return a hexadecimal number; the kernel prints 0 as `(null)` where it is a pointer.
    """
    if text is None:
        return None
    return 0 if text.startswith("(") else int(text, 16)
