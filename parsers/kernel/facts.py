"""
Define a kernel notice: what a line of the kernel log says that is not part of an OOM report.

Names and numbers are the kernel's, and never interpreted here. `None` means that the line does not say.
"""

from dataclasses import dataclass
from enum import StrEnum


class NoticeKind(StrEnum):
    """
    What a notice is about.
    """

    # Published under the same names (KernelEventKind): the parsers and the event import nothing from each other, and a
    # test of collector/publish compares the two.
    SEGFAULT = "segfault"
    INVALID_OPCODE = "invalid_opcode"
    GENERAL_PROTECTION = "general_protection"
    TRAP = "trap"
    ABNORMAL_END = "abnormal_end"
    HUNG_TASK = "hung_task"
    SOFT_LOCKUP = "soft_lockup"
    PIDS_LIMIT = "pids_limit"
    SIGNAL_DENIED = "signal_denied"
    SECCOMP = "seccomp"
    GPU_ERROR = "gpu_error"
    MEMORY_ERROR = "memory_error"
    FILESYSTEM_ERROR = "filesystem_error"
    NETWORK_ERROR = "network_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskName:
    """
    A task as the kernel names it.

    Attributes:
        id: of the thread, or of the process where the line is about a process; in the first pid namespace.
        comm: the name of the thread, at most 15 bytes.
    """

    id: int | None
    comm: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """
    The mapped file that the instruction pointer was in: `libc.so.6[7b49bd028000+188000]`.

    Attributes:
        name: the last component of its path.
        base: where the mapping begins.
        size: of the mapping, bytes.
        file_offset: of the instruction in the file; since Linux 6.11 only.
    """

    name: str
    base: int | None = None
    size: int | None = None
    file_offset: int | None = None

    def offset_of(self, address: int | None) -> int | None:
        """
        Return how far an address is behind the beginning of the mapping; None if it is outside.
        """
        if address is None or self.base is None or self.size is None:
            return None
        return address - self.base if self.base <= address < self.base + self.size else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """
    A function that the crashed thread was in.

    Attributes:
        module: the last component of the path of its file.
        offset: of the instruction in the file.
        function: its name, where the file has names.
    """

    module: str
    offset: int | None = None
    function: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """
    What a processor was doing when it raised the fault.

    Attributes:
        address: that could not be accessed.
        ip: of the instruction.
        sp: the stack pointer.
        error: the processor's own code: x86's error code, arm64's syndrome, s390's interruption code.
        what: the kernel's words for it: `trap divide error`, `level 2 translation fault`.
        is_x86: whether `error` is x86's, whose bits are the same in all kernels.
        module: that the instruction is in; None where it is in no file, or the line does not say.
    """

    address: int | None = None
    ip: int | None = None
    sp: int | None = None
    error: int | None = None
    what: str | None = None
    is_x86: bool = False
    module: Module | None = None

    @property
    def module_name(self) -> str | None:
        """
        The name of the file that the instruction is in.
        """
        return self.module.name if self.module is not None else None

    @property
    def module_offset(self) -> int | None:
        """
        How far the instruction is behind the beginning of the module's mapping.
        """
        return self.module.offset_of(self.ip) if self.module is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelNotice:
    """
    What one line says, or an entry of systemd-coredump.

    Attributes:
        kind: what it is about.
        task: the process or thread it is about.
        is_process: whether the id of `task` is that of a process, not of one of its threads.
        signal: that ended the process; 0 where a system call was refused or logged.
        denied: the name of the signal that was not delivered.
        profile: the AppArmor profile of the process that the signal was meant for.
        exe: the file that the process runs, as the process sees it.
        syscall: number of the system call.
        arch: whose numbers these are, as audit writes it (AUDIT_ARCH_*).
        cgroup: path of the cgroup, or the name of one where the line has no more.
        device: PCI address, disk, memory controller or network interface.
        cpu: the number of a processor.
        code: the number of the error, as NVIDIA's driver numbers them.
        suppressed: how many lines of the same kind the kernel did not print before this one.
        count: how many errors, or how many users a device still has.
        duration_s: for how long.
        owner: the task that probably holds what this one waits for.
        fault: of the processor.
        frames: of the crashed thread, the innermost first.
        audit_id: time and number of an audit record, `1622229872.180:55`: the same whoever wrote it down.
        is_reported: whether a program reports it, not the kernel.
        fatal: whether the line says that the process is ended for it.
        is_harmless: whether nothing was refused, ended or lost: an error that was corrected, a call that was logged.
    """

    kind: NoticeKind
    task: TaskName | None = None
    is_process: bool = False
    signal: int | None = None
    denied: str | None = None
    profile: str | None = None
    exe: str | None = None
    syscall: int | None = None
    arch: int | None = None
    cgroup: str | None = None
    device: str | None = None
    cpu: int | None = None
    code: int | None = None
    suppressed: int | None = None
    count: int | None = None
    duration_s: int | None = None
    owner: TaskName | None = None
    fault: Fault | None = None
    frames: tuple[Frame, ...] = ()
    audit_id: str | None = None
    is_reported: bool = False
    fatal: bool = False
    is_harmless: bool = False

    @property
    def component(self) -> str | None:
        """
        The part of the machine that it is about: the device, or the processor.
        """
        return self.device if self.cpu is None else f"cpu{self.cpu}"
