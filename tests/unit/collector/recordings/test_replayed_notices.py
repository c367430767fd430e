"""
Core dumps and audit records in a recording: they are in the journal only.
"""

from collections.abc import Mapping
from pathlib import Path

from collector.recordings.journal import _export
from collector.recordings.replay import load, play
from parsers.kernel import COREDUMP_MESSAGE_ID
from sinks.event import Confidence, Event, EventType, KernelEventKind
from tests.unit.collector.correlate.scene import BOOT_ID, A, scope_path
from tests.unit.collector.recordings.test_replay import FIRST_NS, META, record

SERVICE = "/system.slice/system-systemd\\x2dcoredump.slice/systemd-coredump@0-818-0.service"
CRASH = "hog[41]: segfault at 8 ip 7f5d0050 sp 7ffc error 4 in libc.so.6[7f5d0000+1000]"


def at_us(seconds: float) -> str:
    return str(FIRST_NS // 1000 + round(seconds * 1_000_000))


def core_dump() -> Mapping[str, str]:
    return {
        "__REALTIME_TIMESTAMP": at_us(3),
        "__MONOTONIC_TIMESTAMP": "103000000",
        "_BOOT_ID": BOOT_ID,
        "_TRANSPORT": "journal",
        "_SYSTEMD_CGROUP": SERVICE,
        "_PID": "819",
        "MESSAGE_ID": COREDUMP_MESSAGE_ID,
        "MESSAGE": "Process 40 (hog) of user 0 dumped core.\n\nStack trace of thread 41:\n#0  0x7f f (hog + 0x8)",
        "COREDUMP_PID": "40",
        "COREDUMP_COMM": "hog",
        "COREDUMP_SIGNAL": "11",
        "COREDUMP_CGROUP": scope_path(A),
        "COREDUMP_TIMESTAMP": at_us(1),
        "COREDUMP_ENVIRON": "PASSWORD=hunter2",
    }


def replayed(folder: Path, *entries: Mapping[str, str], kmsg: bytes = b"") -> list[Event]:
    """
    Return the kernel events of a recording with these entries of the journal.
    """
    (folder / "journal-units.export").write_bytes(b"".join(map(_export, entries)))
    (folder / "meta").write_text(META)
    if kmsg:
        (folder / "kmsg.raw").write_bytes(kmsg)
    return [event for event in play(load(folder)) if event.type is EventType.KERNEL_EVENT]


def test_a_core_dump_in_the_journal_is_an_event_with_its_stack(tmp_path: Path) -> None:
    """
    Where the kernel's line is missing, the entry of systemd-coredump has process, container and stack.
    """
    (event,) = replayed(tmp_path, core_dump())
    assert event.container is not None
    assert event.exit137.crash is not None
    assert (event.container.id, event.exit137.confidence) == (A, Confidence.LIKELY)
    assert (event.exit137.crash.signal, event.exit137.crash.frames) == (11, ("f (hog+0x8)",))
    assert event.time_ns == FIRST_NS + 1_000_000_000


def test_the_kernels_line_and_the_core_dump_are_one_event(tmp_path: Path) -> None:
    """
    A recording has both, and both are about one crash.
    """
    (event,) = replayed(tmp_path, core_dump(), kmsg=record(1, CRASH, seconds=101))
    assert event.exit137.kernel is not None
    assert event.exit137.kernel.kind is KernelEventKind.SEGFAULT


def test_an_audit_record_in_the_journal_is_an_event(tmp_path: Path) -> None:
    """
    Where auditd runs, only the journal has the record.
    """
    refused = {
        "__REALTIME_TIMESTAMP": at_us(2),
        "_SOURCE_REALTIME_TIMESTAMP": at_us(2),
        "_BOOT_ID": BOOT_ID,
        "_TRANSPORT": "audit",
        "_AUDIT_TYPE": "1326",
        "_AUDIT_ID": "55",
        "MESSAGE": 'SECCOMP auid=1 uid=0 pid=76 comm="mount" exe="/mount" sig=31 syscall=165 ip=0x7f code=0x80000000',
    }
    (event,) = replayed(tmp_path, refused)
    assert event.exit137.kernel is not None
    assert (event.exit137.kernel.kind, event.exit137.kernel.pid) == (KernelEventKind.SECCOMP, 76)


def test_the_environment_of_the_process_is_not_recorded() -> None:
    """
    systemd-coredump stores the environment, which has secrets that no mask knows.
    """
    assert b"hunter2" not in _export(core_dump())
    assert b"COREDUMP_PID=40" in _export(core_dump())
