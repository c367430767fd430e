"""
Lines about tasks that make no progress, limits, denials and devices.
"""

from dataclasses import replace

import pytest

from parsers.kernel import KernelNotice, NoticeKind, TaskName, parse_notice

ID = "4e1d" * 16
AUDIT = "auid=4294967295 uid=0 gid=0 ses=4294967295 subj=docker-default pid=76"
PCI = "0000:2a:00"


def task(number: int | None, comm: str) -> TaskName:
    """
    Return a task.
    """
    return TaskName(id=number, comm=comm)


def without_fault(found: KernelNotice | None) -> KernelNotice | None:
    """
    Return a notice without its addresses and without the number of an audit record.
    """
    return replace(found, fault=None, audit_id=None) if found is not None else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INFO: task dockerd:39 blocked for more than 120 seconds.", {"task": task(39, "dockerd"), "duration_s": 120}),
        ("INFO: task a:b:39 blocked in I/O wait for more than 9 seconds.", {"task": task(39, "a:b"), "duration_s": 9}),
        (
            "INFO: task udevd:22 is blocked on a mutex likely owned by task VLLM::Core:58.",
            {"task": task(22, "udevd"), "owner": task(58, "VLLM::Core")},
        ),
        (
            "INFO: task nvidia-smi:49 <writer> blocked on an rw-semaphore likely owned by task Core:46 <writer>",
            {"task": task(49, "nvidia-smi"), "owner": task(46, "Core")},
        ),
        (
            "INFO: task a:49 blocked on a semaphore likely last held by task b:46",
            {"task": task(49, "a"), "owner": task(46, "b")},
        ),
    ],
)
def test_hung_tasks(text: str, expected: dict[str, object]) -> None:
    """
    A blocked task is named by its thread; where the kernel knows who holds the lock, that one is named too.
    """
    assert parse_notice(text) == KernelNotice(kind=NoticeKind.HUNG_TASK, **expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [WorkerPool/7703:7703]",
            {"task": task(7703, "WorkerPool/7703"), "cpu": 1, "duration_s": 23},
        ),
        ("BUG: soft lockup - CPU#11 stuck for 94s!", {"cpu": 11, "duration_s": 94}),
        ("NMI watchdog: Watchdog detected hard LOCKUP on cpu 3", {"cpu": 3}),
        ("BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 31s!", {"duration_s": 31}),
        ("INFO: rcu_sched self-detected stall on CPU { 1}", {}),
        ("rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-... }", {}),
    ],
)
def test_lockups(text: str, expected: dict[str, object]) -> None:
    """
    A processor that is held names the task on it, which is often innocent.
    """
    assert parse_notice(text) == KernelNotice(kind=NoticeKind.SOFT_LOCKUP, **expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [f"/system.slice/docker-{ID}.scope", f"/kubepods/burstable/pod1/{ID}", "/mine"])
def test_pids_limit(path: str) -> None:
    """
    The line about a limit of tasks has the whole path of the cgroup.
    """
    found = parse_notice(f"cgroup: fork rejected by pids controller in {path}")
    assert found == KernelNotice(kind=NoticeKind.PIDS_LIMIT, cgroup=path)


@pytest.mark.parametrize(
    "head",
    [
        "audit: type=1326 audit(1622229872.180:55): ",
        "type=SECCOMP msg=audit(1622229872.180:55): ",
        "node=a type=SECCOMP msg=audit(1622229872.180:55): ",
        "audit[76]: SECCOMP ",
        "SECCOMP ",
    ],
)
@pytest.mark.parametrize(("signal", "code"), [(31, "0x0"), (31, "0x80000000"), (0, "0x50001")])
def test_refused_system_calls(head: str, signal: int, code: str) -> None:
    """
    A refused system call is the same in the forms of the kernel, of auditd and of journald; signal 0 ends nothing.
    """
    text = f'{head}{AUDIT} comm="a" exe="/b" sig={signal} arch=c000003e syscall=165 compat=0 ip=0x7f code={code}'
    assert without_fault(parse_notice(text)) == KernelNotice(
        kind=NoticeKind.SECCOMP,
        task=task(76, "a"),
        is_process=True,
        signal=signal,
        exe="/b",
        syscall=165,
        arch=0xC000003E,
        fatal=signal > 0,
    )


def test_logged_system_calls_are_harmless() -> None:
    """
    A system call that was only logged went on.
    """
    text = f'audit: type=1326 audit(1.2:3): {AUDIT} comm="a" exe="/b" sig=0 arch=c000003e syscall=51 code=0x7ffc0000'
    found = parse_notice(text)
    assert found is not None
    assert found.is_harmless


def test_encoded_name() -> None:
    """
    The audit subsystem writes a name with a blank in hexadecimal, without quotes.
    """
    found = parse_notice(f"audit: type=1701 audit(1.2:3): {AUDIT} comm=6D79206E616D65 exe=2F612062 sig=6 res=1")
    assert without_fault(found) == KernelNotice(
        kind=NoticeKind.ABNORMAL_END, task=task(76, "my name"), is_process=True, signal=6, exe="/a b", fatal=True
    )


def test_denied_signal() -> None:
    """
    A signal that AppArmor refused names the process that sent it, not the one that it was for.
    """
    found = parse_notice(
        'audit: type=1400 audit(1.2:355): apparmor="DENIED" operation="signal" class="signal" profile="docker-default"'
        ' pid=4648 comm="runc" requested_mask="receive" denied_mask="receive" signal=kill peer="unconfined"'
    )
    assert without_fault(found) == KernelNotice(
        kind=NoticeKind.SIGNAL_DENIED, task=task(4648, "runc"), is_process=True, denied="kill", profile="docker-default"
    )


@pytest.mark.parametrize(
    "text",
    [
        'audit: type=1400 audit(1.2:47): apparmor="STATUS" operation="profile_load" name="docker-default" pid=9',
        'audit: type=1400 audit(1.2:47): apparmor="DENIED" operation="open" profile="a" pid=9 comm="b"',
        'audit: type=1326 audit(1.2:47): pid=9 comm="b"',
        "EDAC MC0: Giving out device to 'x38_edac' 'x38': DEV 0000:00:00.0",
        "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  535.183.01",
        "EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: (null)",
        "XFS (dm-0): Mounting V5 Filesystem",
        "BTRFS info (device sda1): disk space caching is enabled",
        "docker0: port 1(veth3ab4c5d) entered blocking state",
    ],
)
def test_ordinary_lines_are_none(text: str) -> None:
    """
    A profile that is loaded, another denial, a device that starts and a file system that is mounted are no notices.
    """
    assert parse_notice(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"NVRM: Xid (PCI:{PCI}): 31, pid=13, name=ray::_RayTrainW, Ch 00000010, intr 00000000. MMU Fault",
            {"task": task(13, "ray::_RayTrainW"), "code": 31},
        ),
        (f"NVRM: Xid (PCI:{PCI}): 64, pid='<unknown>', name=<unknown>, Row Remapper Error", {"code": 64}),
        (f"NVRM: Xid (PCI:{PCI}): 79, pid=0, GPU has fallen off the bus.", {"code": 79}),
        (f"NVRM: Xid (PCI:{PCI}): 79, GPU has fallen off the bus", {"code": 79}),
        (f"NVRM: Xid ({PCI}): 13, 0003 00000000 00008297", {"code": 13}),
        (f"NVRM: GPU {PCI}: GPU has fallen off the bus.", {}),
    ],
)
def test_gpu_errors(text: str, expected: dict[str, object]) -> None:
    """
    An error of a graphics processor has its PCI address, mostly its number, and a process where the driver knows it.
    """
    wanted = KernelNotice(kind=NoticeKind.GPU_ERROR, is_process=True, device=PCI, **expected)  # type: ignore[arg-type]
    assert parse_notice(text) == wanted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Memory failure: 0x1840200: Killing cellsrv:333 due to hardware memory corruption",
            {"task": task(333, "cellsrv"), "fatal": True},
        ),
        (
            "EDAC MC1: 2 CE memory scrubbing error on CPU_SrcID#1 (channel:0)",
            {"device": "MC1", "count": 2, "is_harmless": True},
        ),
        ("EDAC sbridge MC1: 1 UE memory read error on CPU_SrcID#1", {"device": "MC1", "count": 1}),
        ("mce: [Hardware Error]: CPU 4: Machine Check: 0 Bank 5: bea0000000000108", {"cpu": 4}),
        ("kworker/0:1: page allocation failure: order:4, mode:0x40dc0", {"task": task(None, "kworker/0:1")}),
        ("SLUB: Unable to allocate memory on node -1 (gfp=0x20)", {}),
        ("  cache: tw_sock_TCPv6(960:abc), object size: 232, buffer size: 240", {"cgroup": "abc"}),
    ],
)
def test_memory_errors(text: str, expected: dict[str, object]) -> None:
    """
    Broken memory and failed allocations are memory errors; an error that was corrected is harmless.
    """
    wanted = KernelNotice(kind=NoticeKind.MEMORY_ERROR, **expected)  # type: ignore[arg-type]
    assert without_fault(parse_notice(text)) == wanted


@pytest.mark.parametrize(
    ("text", "device", "comm"),
    [
        ("EXT4-fs error (device sdf): ext4_find_entry:1455: inode #2: comm minio: reading directory", "sdf", "minio"),
        ("EXT4-fs (dm-17): Remounting filesystem read-only", "dm-17", None),
        ("XFS (dm-0): Corruption of in-memory data (0x8) detected at xfs_x+0x1 [xfs]. Shutting down", "dm-0", None),
        ("XFS (dm-0): Log I/O Error Detected.  Shutting down filesystem", "dm-0", None),
        ("BTRFS error (device sda1 state EA): errors while submitting", "sda1", None),
        ("BTRFS info (device sda1: state EA): forced readonly", "sda1", None),
        ("blk_update_request: I/O error, dev sdb, sector 2048 op 0x0:(READ) flags 0x0", "sdb", None),
        ("critical medium error, dev nvme0n1, sector 4096 op 0x0:(READ)", "nvme0n1", None),
        ("I/O error, dev loop0, sector 0 op 0x1:(WRITE) flags 0x0 phys_seg 1 prio class 2", "loop0", None),
        ("Buffer I/O error on dev dm-1, logical block 7, lost async page write", "dm-1", None),
    ],
)
def test_filesystem_errors(text: str, device: str, comm: str | None) -> None:
    """
    Errors of file systems and of their disks name the device, and ext4's the program that met the error.
    """
    found = parse_notice(text)
    assert found == KernelNotice(
        kind=NoticeKind.FILESYSTEM_ERROR, device=device, task=task(None, comm) if comm is not None else None
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nf_conntrack: table full, dropping packet", {}),
        ("nf_conntrack: nf_conntrack: table full, dropping packet", {}),
        (
            "unregister_netdevice: waiting for lo to become free. Usage count = -1",
            {"device": "lo", "count": -1},
        ),
    ],
)
def test_network_errors(text: str, expected: dict[str, object]) -> None:
    """
    A full table of connections and an interface that cannot be removed are network errors.
    """
    wanted = KernelNotice(kind=NoticeKind.NETWORK_ERROR, **expected)  # type: ignore[arg-type]
    assert parse_notice(text) == wanted
