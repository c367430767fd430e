"""
The parts of the published event for kernel log lines outside OOM reports: kernel events, and how a process crashed.
"""

from dataclasses import dataclass

from sinks.event.ecs import ParentProcess
from sinks.event.words import CrashLine, CrashReason, KernelEventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOwner:
    """
    The task that probably holds the lock for which another task waits.

    Attributes:
        pid: its process, or its thread where the process is not known.
        name: as the kernel keeps it, at most 15 bytes.
        container_id: its container, if it runs in one.
        container_name: the name of that container.
    """

    pid: int | None = None
    name: str | None = None
    container_id: str | None = None
    container_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLimit:
    """
    The limit of tasks that a fork ran into, read right after it.

    Attributes:
        cgroup: that has the limit: the container's, or one above it.
        tasks: in it, threads and zombies included.
        tasks_max: the limit.
        zombies: processes of the container's cgroup that have ended and were not reaped.
        zombies_of: the parent of most of them.
    """

    cgroup: str
    tasks: int
    tasks_max: int
    zombies: int
    zombies_of: ParentProcess | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """
    A line of the kernel log, and how often it came.

    Attributes:
        kind: what it is about.
        pid: the process.
        tid: the thread, where the line names one.
        name: of the thread, at most 15 bytes.
        text: the kernel's words.
        cgroup: the path in the line.
        device: a PCI address, a disk, a memory controller or a network interface.
        cpu: the number of the CPU.
        code: the number of the error, as NVIDIA's driver numbers them.
        signal: the name of the signal that was not delivered.
        exe: the file that the process ran, as the process saw it.
        syscall: the number of the system call that a filter refused; `syscall_name` is its name.
        ip: where the program made that call, in hexadecimal.
        blocked_s: how long the task has been blocked, or has held a CPU.
        owner: the owner of the lock for which the task waits.
        task_limit: where a fork was refused, the limit that was reached.
        error_count: how many errors of memory the line reports.
        usage_count: how often a network interface that cannot be removed is still in use, as the kernel counts.
        suppressed: how many lines of this kind the kernel did not print just before it, to limit their rate.
        count: how many lines this event stands for.
        until_ns: the time of the last of them, where there are several.
    """

    kind: KernelEventKind
    pid: int | None = None
    tid: int | None = None
    name: str | None = None
    text: str
    cgroup: str | None = None
    device: str | None = None
    cpu: int | None = None
    code: int | None = None
    signal: str | None = None
    exe: str | None = None
    syscall: int | None = None
    syscall_name: str | None = None
    ip: str | None = None
    blocked_s: float | None = None
    owner: LockOwner | None = None
    task_limit: TaskLimit | None = None
    error_count: int | None = None
    usage_count: int | None = None
    suppressed: int | None = None
    count: int = 1
    until_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """
    How a process crashed.

    Attributes:
        signal: the signal that ended the process.
        kind: what the kernel's line is about; None without a line.
        line_missing: why there is no line of the kernel about a fault; None with one, and where it prints none.
        reason: what the line proves; None where it leaves several explanations.
        module: the file that contains the instruction.
        module_offset: the offset of the instruction from the start of the module's mapping, in hexadecimal.
        module_base: where that mapping begins, in hexadecimal.
        module_size_bytes: how large it is.
        build_id: of the module's file, in hexadecimal.
        function: the symbol that contains the instruction, as the linker wrote it.
        instruction: the instruction that the CPU refused, as assemblers write it.
        address: the address that could not be accessed, in hexadecimal.
        ip: the address of the instruction; `sp` is the stack pointer.
        error_code: the processor's own code of the fault, in hexadecimal.
        syscall: the number of the system call that was refused.
        syscall_name: its name.
        exe: the file that the process ran, as the process saw it.
        cpu_needs: what the program needs of the CPU, and the CPU does not have: `avx2`, `x86-64-v2`.
        language: whose traceback the log ends with: `python`, `go`, `java`, `node` or `rust`.
        error: the error in that traceback, secrets masked.
        frames: the calls in it, or in the stack of a core dump, the innermost first.
        shm_size_bytes: of a process that SIGBUS ended, the size of its container's /dev/shm.
        shm_used_bytes: the shared memory of the container at the last sample, other tmpfs mounts included.
        signature: the same for the same crash, in every run and on every host.
    """

    signal: int | None = None
    kind: KernelEventKind | None = None
    line_missing: CrashLine | None = None
    reason: CrashReason | None = None
    module: str | None = None
    module_offset: str | None = None
    module_base: str | None = None
    module_size_bytes: int | None = None
    build_id: str | None = None
    function: str | None = None
    instruction: str | None = None
    address: str | None = None
    ip: str | None = None
    sp: str | None = None
    error_code: str | None = None
    syscall: int | None = None
    syscall_name: str | None = None
    exe: str | None = None
    cpu_needs: tuple[str, ...] = ()
    language: str | None = None
    error: str | None = None
    frames: tuple[str, ...] = ()
    shm_size_bytes: int | None = None
    shm_used_bytes: int | None = None
    signature: str | None = None
