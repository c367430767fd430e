"""
The sentences, severities and advice of kernel events.
"""

import pytest

from collector.correlate.findings import KernelEvent
from collector.correlate.pid_index import Attribution
from collector.publish.kernel_events import kernel_event
from parsers.kernel import NoticeKind, parse_notice
from parsers.oom.facts import KernelLine
from sinks.event import Confidence, Event, EvidenceSource, Host, KernelEventKind, Severity

IN_A = Attribution(container_id="a" * 64, runtime="docker", confidence=Confidence.LIKELY, how="by its pid")
OF_HOST = Attribution(container_id=None, runtime=None, confidence=Confidence.CERTAIN)
A = 'Process "a" (pid 7)'
WEB = 'Process "Web" (pid 7) OF crashed with'
AUDIT = 'audit: type=1326 audit(1.2:3): pid=7 comm="a" exe="/a" arch=c000003e syscall=165'


def published(text: str, attribution: Attribution = OF_HOST, pid: int | None = None, count: int = 1) -> Event:
    """
    Return the event of a line.
    """
    notice = parse_notice(text)
    assert notice is not None
    return kernel_event(
        Host(id="1" * 32),
        KernelEvent(
            id="id",
            notice=notice,
            line=KernelLine(text=text, at_ns=5),
            source=EvidenceSource.KMSG,
            attribution=attribution,
            record=None,
            pid=pid,
            count=count,
        ),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Web[9]: segfault at 8 ip 50 sp 7ffc error 4 in libc.so[0+1000]",
            'Process "Web" (pid 7, thread 9) OF crashed with a segmentation fault in libc.so: it used a null pointer.',
        ),
        (
            "traps: Web[7] trap invalid opcode ip:7f sp:7f error:0",
            f"{WEB} an invalid instruction: it ran an instruction that this CPU does not know.",
        ),
        (
            "traps: Web[7] general protection fault ip:7f sp:7f error:0",
            f"{WEB} a general protection fault.",
        ),
    ],
)
def test_crashes(text: str, message: str) -> None:
    """
    A crash names process, thread and container, the module, and the reason if there is proof of one.
    """
    event = published(text, IN_A, pid=7)
    assert event.message.replace("of container aaaaaaaaaaaa (likely)", "OF") == message


def test_repetitions_are_said() -> None:
    """
    The message says how many lines an event stands for.
    """
    assert published("nf_conntrack: table full, dropping packet", count=3).message.endswith("packets, 3 times.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "INFO: task a:7 is blocked on a mutex likely owned by task B:9.",
            f'{A} has been blocked in the kernel on a lock that "B" (pid 9) probably holds and cannot be killed.',
        ),
        (
            "INFO: task a:7 blocked for more than 120 seconds.",
            f"{A} has been blocked in the kernel for 120 s and cannot be killed.",
        ),
        (
            "BUG: soft lockup - CPU#1 stuck for 23s! [a:7]",
            f"{A} has held CPU 1 in the kernel for 23 s.",
        ),
        ("INFO: rcu_sched self-detected stall on CPU", "A CPU has been stalled in the kernel."),
        (
            "cgroup: fork rejected by pids controller in /mine",
            "A fork in /mine was refused: a limit of tasks (pids) is reached.",
        ),
        (
            f"{AUDIT} sig=31 code=0x0",
            f"{A} made the system call mount, and a seccomp filter ended it.",
        ),
        (
            f"{AUDIT} sig=0 code=0x50001",
            f"{A} made the system call mount, and a seccomp filter refused it.",
        ),
        (
            "NVRM: Xid (PCI:0000:0a:00): 79, GPU has fallen off the bus",
            "The graphics processor 0000:0a:00 has an error (Xid 79).",
        ),
        ("EDAC MC0: 1 CE memory read error on CPU_0", "The memory hardware MC0 corrected an error."),
        (
            "kworker/0:1: page allocation failure: order:4, mode:0x0",
            'The kernel could not allocate memory for process "kworker/0:1" (pid 7).',
        ),
        (
            "EXT4-fs error (device sdf): ext4_find_entry:1455: inode #2: comm Minio: reading directory",
            'The disk or file system sdf has an error, hit by process "Minio" (pid 7).',
        ),
        ("nf_conntrack: table full, dropping packet", "The table of connections is full: the kernel drops packets."),
    ],
)
def test_sentences(text: str, message: str) -> None:
    """
    The message says in one sentence what happened, in words that need no knowledge of the kernel.
    """
    assert published(text, pid=7).message == message


@pytest.mark.parametrize(
    ("text", "severity", "advice"),
    [
        ("a[7]: segfault at 8 ip 50 sp 7ffc error 4", Severity.ERROR, "core"),
        ("traps: a[7] trap invalid opcode ip:7f sp:7f error:0", Severity.ERROR, "cpu"),
        (f"{AUDIT} sig=0 code=0x50001", Severity.WARNING, "seccomp"),
        ("EDAC MC0: 1 CE memory read error on CPU_0", Severity.NOTICE, "memory_hardware"),
        ("kworker/0:1: page allocation failure: order:4, mode:0x0", Severity.ERROR, None),
        ("nf_conntrack: table full, dropping packet", Severity.WARNING, "network"),
        (f"{AUDIT} sig=0 code=0x7ffc0000", Severity.NOTICE, None),
    ],
)
def test_severity_and_advice(text: str, severity: Severity, advice: str | None) -> None:
    """
    What was ended or lost is an error, what was refused a warning, what was corrected a notice.
    """
    event = published(text)
    assert event.event.severity == severity
    assert [item.kind for item in event.exit137.advice] == ([advice] if advice is not None else [])


def test_the_kinds_are_those_of_the_parsers() -> None:
    """
    Each kind of notice is published under its own name.
    """
    assert [kind.value for kind in KernelEventKind] == [kind.value for kind in NoticeKind]
