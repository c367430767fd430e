"""
Kernel events in pasted text: what a line names is used, nothing is certain, and repetitions are counted.
"""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.recordings.pasted import events_in, events_of
from parsers.carriers.pasted import Bounds
from parsers.kernel import NoticeKind
from sinks.event import Confidence, Event, EventType, Kernel
from tests.unit.collector.correlate.scene import A, scope_path

FORK = f"cgroup: fork rejected by pids controller in {scope_path(A)}"
REFUSED = 'auid=1 uid=0 pid=76 comm="mount" exe="/mount" sig=0 arch=c000003e syscall=165 compat=0 ip=0x7f code=0x50000'
KILL = (
    f"[ 9.1] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=c,mems_allowed=0,oom_memcg={scope_path(A)},"
    f"task_memcg={scope_path(A)},task=java,pid=42,uid=0\n"
    "[ 9.2] Memory cgroup out of memory: Killed process 42 (java) total-vm:9kB, anon-rss:7kB, file-rss:1kB,"
    " shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:0\n"
)


def segfault(pid: int, offset: int = 0x50, stamp: str = "") -> str:
    """
    Return the line about a crash.
    """
    return f"{stamp}hog[{pid}]: segfault at 8 ip {0x7F5D0000 + offset:x} sp 7ffc error 4 in libc.so.6[7f5d0000+1000]\n"


def of(text: str | Sequence[str]) -> list[tuple[Event, Kernel]]:
    """
    Return the kernel events of a text, each with what it says of its line.
    """
    events = events_of((text if isinstance(text, str) else "".join(text)).encode())
    return [(event, event.exit137.kernel) for event in events if event.exit137.kernel is not None]


def counts(text: str | Sequence[str]) -> list[int]:
    """
    Return how many lines each kernel event of a text stands for.
    """
    return [kernel.count for _, kernel in of(text)]


def test_a_path_names_the_container_and_nothing_is_certain() -> None:
    """
    The cgroup in a line names its container, which is likely: nobody knows who wrote the text.
    """
    ((event, kernel),) = of(f"[Wed Oct 30 10:13:57 2024] {FORK}\n")
    assert kernel.kind.value == NoticeKind.PIDS_LIMIT.value
    assert event.container is not None
    assert (event.container.id, event.exit137.confidence) == (A, Confidence.LIKELY)


def test_a_process_without_a_cgroup_is_in_no_known_container() -> None:
    """
    A pid says nothing about a container to somebody who was not on the host.
    """
    ((event, kernel),) = of(segfault(7))
    assert (event.container, event.exit137.confidence) == (None, Confidence.POSSIBLE)
    assert (kernel.tid, kernel.name) == (7, "hog")
    assert event.exit137.crash is not None
    assert (event.exit137.crash.module, event.exit137.crash.module_offset) == ("libc.so.6", "0x50")


@pytest.mark.parametrize(
    "line",
    [
        "Oct 30 10:13:57 main hog[7]: segfault at 8 ip 50 sp 7ffc error 4 in libc.so.6[40+1000]",
        "worker process 7 exited on signal 11 (core dumped)",
        "hog: caught a segfault at 8",
    ],
)
def test_a_program_that_speaks_of_a_crash_is_not_the_kernel(line: str) -> None:
    """
    A line with the name of a program behind the date was written by that program.
    """
    assert of(line) == []


def test_repetitions_are_counted_with_the_first_line() -> None:
    """
    Without a comparable time all repetitions of a text are one event; a minute later another one begins.
    """
    assert counts([f"{FORK}\n"] * 3) == [3]
    assert counts([segfault(7, stamp=f"[ {at}.000000] ") for at in (1, 2, 59, 70)]) == [3, 1]


def test_processes_and_places_are_separate_up_to_a_bound() -> None:
    """
    Each process and place has an event of its own, and the many processes of a crash loop share one.
    """
    assert counts([segfault(1), segfault(2), segfault(2, 0x90)]) == [1, 1, 1]
    assert counts([segfault(pid) for pid in range(1, 101)]) == [1] * 8 + [92]


def test_a_line_that_was_wrapped_is_joined() -> None:
    """
    A line that a mail program wrapped between words is read with its second half.
    """
    line = f"{segfault(7).strip()} likely on CPU 3 (core 3, socket 0)"
    for at in (line.index(" sp "), line.index(" in libc")):
        ((event, _),) = of(f"{line[:at]}\n{line[at + 1 :]}\n{FORK.replace('fork', 'forc')}\n")
        assert event.exit137.crash is not None
        assert (event.exit137.crash.module, event.exit137.crash.module_offset) == ("libc.so.6", "0x50")


def test_lines_of_two_crashes_at_once_are_separated() -> None:
    """
    Where two CPUs printed at once, the file belongs to the crash whose instruction lies in it.
    """
    text = (
        "hog[1]: segfault at 8 ip 7f5d0050 sp 7ffc error 4\nhog[2]: segfault at 8 ip 4042b5 sp 7ffd error 4\n"
        " in hog[400000+9000]\n in libc.so.6[7f5d0000+1000]\n"
    )
    crashes = [event.exit137.crash for event, _ in of(text)]
    assert [(crash.module, crash.module_offset) for crash in crashes if crash is not None] == [
        ("libc.so.6", "0x50"),
        ("hog", "0x42b5"),
    ]


def test_a_line_that_stands_twice_is_counted_once() -> None:
    """
    The same line from dmesg and from a file is one line.
    """
    stamped, dated = segfault(7, stamp="[ 9.000001] "), segfault(7, stamp="Oct 30 10:13:57 main kernel: ")
    assert counts([stamped, dated]) == [1]
    assert counts([stamped, stamped, dated]) == [1]


def test_an_audit_record_of_two_programs_is_one_event() -> None:
    """
    journald and the kernel write the same record with different heads.
    """
    by_journald = f"Oct 30 10:13:57 main audit[76]: SECCOMP {REFUSED}\n"
    by_kernel = f"Oct 30 10:13:57 main kernel: audit: type=1326 audit(1622229872.180:55): {REFUSED}\n"
    ((_, kernel),) = of([by_journald, by_kernel])
    assert (kernel.kind.value, kernel.pid, kernel.count) == ("seccomp", 76, 1)


def test_a_call_that_was_only_logged_is_shown() -> None:
    """
    Who pastes the line about a logged system call wants to know what it means.
    """
    text = REFUSED.replace("code=0x50000", "code=0x7ffc0000")
    ((event, _),) = of(f"audit: type=1326 audit(1622229872.180:55): {text}\n")
    assert "logged" in event.message


def test_kills_are_found_as_without_the_other_lines() -> None:
    """
    Kernel notices before, between and after the lines of a report do not change its kill.
    """
    lines = KILL.splitlines(keepends=True)
    mixed = "".join([segfault(1, stamp="[ 9.0] "), lines[0], segfault(2, stamp="[ 9.15] "), *lines[1:], f"{FORK}\n"])
    (alone,) = events_of(KILL.encode())
    assert [event for event in events_of(mixed.encode()) if event.type is EventType.OOM_KILL] == [alone]


@given(st.integers(2000, 9000), st.integers(1, 5000), st.integers(0, 200))
def test_how_a_large_text_is_cut_does_not_matter(part_bytes: int, step: int, others: int) -> None:
    """
    A text that is read in parts has the events of the whole.
    """
    noise = "[ 5.000000] docker0: port 1(veth3ab4c5d) entered blocking state\n" * others
    text = "".join(
        [noise, segfault(1, stamp="[ 9.0] "), noise, f"{FORK}\n", noise, segfault(2, stamp="[ 9.1] ")]
    ).encode()
    bounds = Bounds(small_bytes=0, part_bytes=part_bytes, block_bytes=part_bytes // 8, messages=part_bytes // 100)
    parts = events_in((text[at : at + step] for at in range(0, len(text), step)), bounds)
    assert sorted(event.id for event in parts) == sorted(event.id for event in events_of(text))


def test_a_signal_that_nobody_expects_is_an_event() -> None:
    """
    With kernel.print-fatal-signals=1 the kernel names the signal, and the process in the line of its registers.
    """
    text = (
        "[ 1.000001] prog: hog: potentially unexpected fatal signal 6.\n"
        "[ 1.000002] CPU: 0 PID: 77628 Comm: hog Not tainted 6.1.0-13\n"
    )
    ((event, kernel),) = of(text)
    assert event.exit137.crash is not None
    assert (kernel.kind.value, kernel.name, kernel.exe) == (NoticeKind.ABNORMAL_END.value, "hog", "prog")
    assert (event.exit137.crash.signal, kernel.tid) == (6, 77628)


def test_that_signal_adds_to_the_line_about_the_fault() -> None:
    """
    One crash is one event.
    """
    ((event, kernel),) = of(segfault(7, stamp="[ 1.1] ") + "[ 1.1] hog: potentially unexpected fatal signal 11.\n")
    assert kernel.kind.value == NoticeKind.SEGFAULT.value
    assert event.exit137.crash is not None
    assert event.exit137.crash.signal == 11


def test_the_cleanup_of_a_graphics_processor_is_counted_with_its_error() -> None:
    """
    NVIDIA's driver prints Xid 45 for each channel of the programs that it ends after an error.
    """
    first = "NVRM: Xid (PCI:0000:2a:00): 13, Graphics SM Warp Exception\n"
    after = "".join(f"NVRM: Xid (PCI:0000:2a:00): 45, pid={pid}, name=a, Ch 8\n" for pid in (12, 13))
    other = "NVRM: Xid (PCI:0000:3b:00): 45, pid=14, name=a, Ch 8\n"
    assert [(kernel.code, kernel.device, kernel.count) for _, kernel in of(first + after + other)] == [
        (13, "0000:2a:00", 3),
        (45, "0000:3b:00", 1),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("EDAC MC1: 2 CE memory scrubbing error on CPU_SrcID#1 (channel:0)", ("MC1", None, 2, None)),
        ("unregister_netdevice: waiting for lo to become free. Usage count = -1", ("lo", None, None, -1)),
        ("watchdog: BUG: soft lockup - CPU#1 stuck for 23s! [dd:7703]", (None, 1, None, None)),
    ],
)
def test_counts_and_numbers_of_a_line(
    line: str, expected: tuple[str | None, int | None, int | None, int | None]
) -> None:
    """
    What a line counts is not how often the line came.
    """
    ((_, kernel),) = of(f"[ 1.1] {line}\n")
    assert (kernel.device, kernel.cpu, kernel.error_count, kernel.usage_count) == expected
    assert kernel.count == 1


def test_the_registers_and_the_module_of_a_crash() -> None:
    """
    The event has the numbers of the line, so that nobody has to parse its text.
    """
    ((event, _),) = of(segfault(7))
    crash = event.exit137.crash
    assert crash is not None
    assert (crash.ip, crash.sp, crash.error_code) == ("0x7f5d0050", "0x7ffc", "0x4")
    assert (crash.module_base, crash.module_size_bytes) == ("0x7f5d0000", 0x1000)


def test_a_refused_call_has_its_program_and_number() -> None:
    """
    A call that was refused ended nothing, so there is no crash.
    """
    ((event, kernel),) = of(f"[ 1.1] audit: type=1326 audit(1622229872.180:55): {REFUSED}\n")
    assert event.exit137.crash is None
    assert (kernel.exe, kernel.syscall, kernel.syscall_name, kernel.ip) == ("/mount", 165, "mount", "0x7f")
