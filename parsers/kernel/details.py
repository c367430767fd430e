"""
Parse the lines that add to the kernel notice before them: registers, the task, the mapped file, a memory cgroup.

x86 prints all in one line, but two CPUs may print at once. Other architectures print the registers in lines of their
own; s390 and MIPS name the task only there. Sources: lib/dump_stack.c (dump_stack_print_info), arch/*/kernel/process.c
(show_regs), arch/s390/mm/fault.c, arch/mips/mm/fault.c, mm/slub.c, kernel/signal.c (print_fatal_signal).

    CPU: 0 PID: 1088 Comm: automount Not tainted 5.15.0-17-generic #17-Ubuntu
    Failing address: 000003ff87fff000 TEID: 000003ff87fff800
    epc : 0000003faee8d1aa ra : 0000003faf093baa sp : 0000003faae67fc0
    epc = 77d83dd1 in luci.so[77d80000+15000]
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from parsers.kernel.facts import Fault, KernelNotice, Module, NoticeKind, TaskName

_HEX: Final = r"(?:0x)?[0-9a-fA-F]{4,16}"
_MODULE: Final = (
    rf" ?in (?P<name>[^\n\[]{{1,255}}?)(?: \(deleted\))?\[(?:(?P<offset>[0-9a-f]{{1,16}}),)?(?P<base>{_HEX})"
    r"\+(?P<size>[0-9a-f]{1,16})\]"
)
_FATAL: Final = "potentially unexpected fatal signal"
_FORMS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"CPU: [0-9]{1,5} (?:UID: [0-9]{1,10} )?PID: (?P<tid>[0-9]{1,10}) Comm: (?P<comm>.{1,15}?) (?:Not t|T)ainted",
        rf"Failing address: (?P<address>{_HEX})\b",
        rf"epc ?: (?P<ip>{_HEX}) ra ?: {_HEX} sp ?: (?P<sp>{_HEX})",
        rf"epc += (?P<ip>{_HEX})(?:{_MODULE})?",
        rf"(?:PC is at|pc :) (?:\[<)?(?P<ip>{_HEX})(?:>\])?(?=\s|\Z)",
        rf"sp : (?P<sp>{_HEX})\Z",
        _MODULE,
        rf"(?:(?P<exe>[^\n:]{{1,255}}): )?(?P<comm>[^\n:]{{1,15}}): {_FATAL} (?P<signal>[0-9]{{1,2}})\.",
        r" {0,8}cache: [^\s(]{1,64}\([0-9]{1,10}:(?P<cgroup>[^)\s]{1,255})\), object size: [0-9]",
    )
)
_SUPPRESSED: Final = re.compile(r"(?P<function>[a-z_]{1,40}): (?P<count>[0-9]{1,9}) callbacks suppressed")
# Which lines the functions print that the kernel names here.
_PRINTED_BY: Final = {
    "show_signal_msg": frozenset({NoticeKind.SEGFAULT}),
    "show_signal": frozenset(
        {NoticeKind.SEGFAULT, NoticeKind.INVALID_OPCODE, NoticeKind.TRAP, NoticeKind.GENERAL_PROTECTION}
    ),
    "kauditd_printk_skb": frozenset({NoticeKind.ABNORMAL_END, NoticeKind.SECCOMP}),
    "net_ratelimit": frozenset({NoticeKind.NETWORK_ERROR}),
}
_CRASHES: Final = frozenset(
    {NoticeKind.SEGFAULT, NoticeKind.INVALID_OPCODE, NoticeKind.TRAP, NoticeKind.GENERAL_PROTECTION}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDetail:
    """
    What a line adds to the notice before it.

    Attributes:
        task: the thread that the CPU was running.
        address: that could not be accessed; on s390 that of its page.
        ip: of the instruction; `sp` is the stack pointer.
        module: that the instruction is in.
        signal: that ended the process.
        exe: the last component of the path of the file that it ran.
        cgroup: the name of a memory cgroup.
    """

    task: TaskName | None = None
    address: int | None = None
    ip: int | None = None
    sp: int | None = None
    module: Module | None = None
    signal: int | None = None
    exe: str | None = None
    cgroup: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """
    Lines that the kernel did not print because there were too many; the next one of these kinds follows at once.
    """

    kinds: frozenset[NoticeKind]
    count: int


def parse_detail(text: str) -> NoticeDetail | Suppressed | None:
    """
    Parse a line that adds to a notice; None for one that does not.
    """
    suppressed = _SUPPRESSED.match(text)
    if suppressed is not None:
        kinds = _PRINTED_BY.get(suppressed["function"])
        return Suppressed(kinds=kinds, count=int(suppressed["count"])) if kinds is not None else None
    found = next((match for form in _FORMS if (match := form.match(text)) is not None), None)
    return _detail(found) if found is not None else None


def lacks_detail(notice: KernelNotice) -> bool:
    """
    Return whether lines that belong to a notice may follow it, because it lacks what the kernel knows.
    """
    if notice.kind is NoticeKind.MEMORY_ERROR:
        return notice.task is None and notice.component is None and notice.cgroup is None
    if notice.kind is NoticeKind.ABNORMAL_END:
        return notice.task is not None and notice.task.id is None
    if notice.kind not in _CRASHES or notice.fault is None or notice.fault.is_x86:
        return False
    return notice.fault.ip is None or notice.task is None or notice.task.id is None


def extended(notice: KernelNotice, detail: NoticeDetail) -> KernelNotice | None:
    """
    Return a notice with what a detail adds; None where the detail is not about it, or adds nothing.
    """
    task = _joined(notice.task, detail.task)
    if detail.task is not None and task is None:
        return None
    if detail.cgroup is not None:
        is_allocation = notice.kind is NoticeKind.MEMORY_ERROR and notice.cgroup is None and notice.component is None
        return replace(notice, cgroup=detail.cgroup) if is_allocation else None
    if notice.kind is NoticeKind.ABNORMAL_END and task is not None:
        return replace(notice, task=task) if task != notice.task else None
    if notice.kind not in _CRASHES or notice.fault is None:
        return None
    more = replace(
        notice,
        task=task or notice.task,
        signal=notice.signal if notice.signal is not None else detail.signal,
        exe=notice.exe or detail.exe,
        fault=_with_registers(notice.fault, detail),
    )
    return more if more != notice else None


def _with_registers(fault: Fault, detail: NoticeDetail) -> Fault:
    """
    Return a fault with registers and module; a module counts only if the instruction lies in it.
    """
    ip = fault.ip if fault.ip is not None else detail.ip
    module = fault.module
    if module is None and detail.module is not None and detail.module.offset_of(ip) is not None:
        module = detail.module
    return replace(
        fault,
        ip=ip,
        module=module,
        sp=fault.sp if fault.sp is not None else detail.sp,
        address=fault.address if fault.address is not None else detail.address,
    )


def _joined(one: TaskName | None, other: TaskName | None) -> TaskName | None:
    """
    Return the task that two lines name; None if they name two, or none.
    """
    if one is None or other is None:
        return one or other
    if None not in (one.id, other.id) and one.id != other.id:
        return None
    if None not in (one.comm, other.comm) and one.comm != other.comm:
        return None
    return TaskName(id=one.id if one.id is not None else other.id, comm=one.comm or other.comm)


def _detail(found: re.Match[str]) -> NoticeDetail:
    said = found.groupdict()
    base, tid, signal, comm = said.get("base"), said.get("tid"), said.get("signal"), said.get("comm")
    module = None
    if base is not None:
        module = Module(
            name=said["name"],
            base=int(base, 16),
            size=int(said["size"], 16),
            file_offset=_number(said.get("offset")),
        )
    return NoticeDetail(
        task=TaskName(id=int(tid) if tid is not None else None, comm=comm) if comm is not None else None,
        address=_number(said.get("address")),
        ip=_number(said.get("ip")),
        sp=_number(said.get("sp")),
        module=module,
        signal=int(signal) if signal is not None else None,
        exe=said.get("exe"),
        cgroup=said.get("cgroup"),
    )


def _number(digits: str | None) -> int | None:
    return int(digits, 16) if digits is not None else None
