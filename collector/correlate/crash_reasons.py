"""
Say what the line about a crash proves of its reason; it never guesses one.

x86 prints the processor's error code, whose bits say whether the address was mapped, and whether the access was a
write or the fetch of an instruction (arch/x86/include/asm/trap_pf.h). Other architectures print less.
"""

from collections.abc import Mapping
from signal import SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP
from typing import Final

from parsers.kernel import Fault, KernelNotice, NoticeKind, syscall_name
from sinks.event import CrashReason

# The error code of a page fault on x86.
_PROTECTED: Final = 0x1
_WRITE: Final = 0x2
_FETCH: Final = 0x10
# No kernel maps anything below this for a user (vm.mmap_min_addr): a null pointer, and a field of what it points to.
_NULL_PAGE: Final = 0x10000
# With five levels of page tables a user's addresses end here; the kernel's begin behind it.
_USER_END: Final = 1 << 56
# The stack pointer itself points to memory that is not mapped if an access so close to it fails.
_NEAR_STACK: Final = 0x1000
_TRAPS: Final = {
    "trap divide error": CrashReason.DIVIDE_ERROR,
    "trap int3": CrashReason.BREAKPOINT,
}
_SIGNALS: Final[Mapping[NoticeKind, frozenset[int]]] = {
    NoticeKind.SEGFAULT: frozenset({SIGBUS, SIGSEGV}),
    NoticeKind.INVALID_OPCODE: frozenset({SIGILL}),
    NoticeKind.GENERAL_PROTECTION: frozenset({SIGSEGV}),
    NoticeKind.TRAP: frozenset({SIGTRAP, SIGBUS, SIGFPE, SIGSEGV}),
    NoticeKind.SECCOMP: frozenset({SIGSYS}),
    NoticeKind.MEMORY_ERROR: frozenset({SIGBUS}),
}
_BY_SIGNAL: Final[Mapping[int, CrashReason]] = {SIGABRT: CrashReason.ABORTED, SIGSYS: CrashReason.SYSTEM_CALL_REFUSED}
# As clauses of a sentence.
REASONS: Final = {
    CrashReason.NULL_POINTER: "it used a null pointer",
    CrashReason.NULL_CALL: "it called a null pointer",
    CrashReason.WILD_JUMP: "it jumped to an address that is no code",
    CrashReason.STACK_OVERFLOW: "its stack overflowed",
    CrashReason.READ_ONLY_MEMORY: "it wrote to read-only memory",
    CrashReason.UNMAPPED_MEMORY: "it used memory that is not mapped",
    CrashReason.INVALID_INSTRUCTION: "it ran an instruction that this CPU does not know",
    CrashReason.DIVIDE_ERROR: "it divided by zero, or the quotient was too large",
    CrashReason.BREAKPOINT: "it ran into a breakpoint",
    CrashReason.SYSTEM_CALL_REFUSED: "a seccomp filter refused a system call",
    CrashReason.BROKEN_MEMORY: "a page of its memory is broken",
    CrashReason.ABORTED: "it aborted itself",
    CrashReason.CPU_TOO_OLD: "its C library was built for a newer CPU",
}


def signals_of(notice: KernelNotice) -> frozenset[int]:
    """
    Return the signals that can end a process after a notice; none where it ends nothing.
    """
    if not notice.fatal:
        return frozenset()
    return frozenset({notice.signal}) if notice.signal else _SIGNALS.get(notice.kind, frozenset())


def reason_of(notice: KernelNotice) -> CrashReason | None:
    """
    Return what a notice proves; None where it leaves several explanations.
    """
    fault = notice.fault or Fault()
    match notice.kind:
        case NoticeKind.SEGFAULT:
            return _reason_of_fault(fault)
        case NoticeKind.INVALID_OPCODE:
            return CrashReason.INVALID_INSTRUCTION
        case NoticeKind.TRAP:
            return _TRAPS.get(fault.what or "")
        case NoticeKind.SECCOMP:
            return CrashReason.SYSTEM_CALL_REFUSED
        case NoticeKind.MEMORY_ERROR:
            return CrashReason.BROKEN_MEMORY
        case _:
            return _BY_SIGNAL.get(notice.signal or 0)


def explanation_of(notice: KernelNotice) -> str | None:
    """
    Return what a notice proves as a clause of a sentence; None where it leaves several explanations.
    """
    reason = reason_of(notice)
    if reason is None:
        return None
    call = syscall_name(notice.syscall, notice.arch)
    if reason is CrashReason.SYSTEM_CALL_REFUSED and call is not None:
        return f"a seccomp filter does not allow its system call {call}"
    return REASONS[reason]


def signature_of(notice: KernelNotice) -> str | None:
    """
    Return what is the same for the same crash in every run: where it happened, not at which address.
    """
    fault = notice.fault or Fault()
    if fault.module_offset is not None:
        return f"{notice.kind.value} {fault.module_name}+{fault.module_offset:#x}"
    if notice.kind is NoticeKind.SECCOMP and notice.syscall is not None:
        return f"{notice.kind.value} syscall {syscall_name(notice.syscall, notice.arch) or notice.syscall}"
    reason = reason_of(notice)
    return f"{notice.kind.value} {reason.value}" if reason is not None else None


def _reason_of_fault(fault: Fault) -> CrashReason | None:
    address, error = fault.address, fault.error if fault.is_x86 else None
    if address is None:
        return None
    if address == fault.ip or (error or 0) & _FETCH:
        return CrashReason.NULL_CALL if address < _NULL_PAGE else CrashReason.WILD_JUMP
    if address < _NULL_PAGE:
        return CrashReason.NULL_POINTER
    return _reason_of_access(address, fault.sp, error) if error is not None and address < _USER_END else None


def _reason_of_access(address: int, sp: int | None, error: int) -> CrashReason | None:
    """
    Return why x86 refused an access to a user's address.
    """
    if error & _PROTECTED:
        return CrashReason.READ_ONLY_MEMORY if error & _WRITE else None
    is_near_stack = sp is not None and abs(address - sp) < _NEAR_STACK
    return CrashReason.STACK_OVERFLOW if is_near_stack else CrashReason.UNMAPPED_MEMORY
