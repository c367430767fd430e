"""
Kernel notices that are one occurrence: lines, core dumps and audit records together, and repetitions counted.
"""

from dataclasses import replace

from collector.facts.kernel import KernelFact
from parsers.kernel import Frame, KernelNotice, NoticeKind, TaskName
from parsers.oom.facts import KernelLine
from sinks.event import Confidence, EventType
from tests.unit.collector.correlate.kernel_lines import (
    WAIT_S,
    WINDOW_S,
    alive,
    kernel,
    segfault,
    where,
)
from tests.unit.collector.correlate.scene import (
    DIE,
    JOURNALD,
    MAIN_PID,
    VERDICT_WAIT_S,
    A,
    docker,
    exited,
    line,
    ns,
    scope_path,
    started,
)


def test_registers_in_lines_of_their_own_are_added() -> None:
    """
    Where a notice lacks the instruction, the event waits for the lines with registers, also if its container is known.
    """
    scene = started()
    crash = line("hog[49]: unhandled signal 11 code 0x1 at 0x8 in lib.so[77d80000+15000]", 1.0)
    assert scene.feed(alive(crash, A, 40), at_s=1) == []
    (event,) = scene.feed(line("epc : 0000000077d83dd1 ra : 0000003faf093baa sp : 0000003faae67fc0", 1.01))
    assert where(event) == (A, Confidence.CERTAIN)
    assert event.exit137.crash is not None
    assert (event.exit137.crash.module, event.exit137.crash.module_offset) == ("lib.so", "0x3dd1")


def test_lines_that_were_not_printed_are_counted() -> None:
    """
    The kernel says how many lines it dropped, and the event of the next one has that number.
    """
    scene = started()
    lost = line("show_signal_msg: 15 callbacks suppressed", 1.0)
    (first,) = scene.feed(lost, alive(segfault(40), A, 40), at_s=1)
    (later,) = scene.feed(lost, line(f"cgroup: fork rejected by pids controller in {scope_path(A)}", 1.1), at_s=1.1)
    assert [kernel(event).suppressed for event in (first, later)] == [15, None]


def test_a_line_of_two_sources_is_one_event() -> None:
    """
    The journal hands over the same line with the same stamp, which makes no second event.
    """
    scene = started()
    text = f"cgroup: fork rejected by pids controller in {scope_path(A)}"
    events = scene.feed(line(text, 1.0), line(text, 1.0, JOURNALD))
    assert len(events) == 1
    assert scene.wait(WINDOW_S + 1) == []


def test_repetitions_are_counted() -> None:
    """
    A crash loop makes one event at once and one a minute with the number of crashes, whatever the threads are called.
    """
    scene = started()
    first = scene.feed(alive(segfault(1, 1.0), A, 1), at_s=1)
    for number in range(2, 12):
        assert scene.feed(alive(segfault(number, number, f"t{number}"), A, number), at_s=number) == []
    (folded,) = scene.wait(WINDOW_S)
    assert [kernel(event).count for event in first] == [1]
    assert (kernel(folded).count, kernel(folded).until_ns) == (10, ns(11))
    assert "10 times" in folded.message
    assert scene.wait(WINDOW_S) == []


def test_a_line_after_a_quiet_minute_is_published_at_once() -> None:
    """
    When nothing has repeated for a minute, the next line is an event at once.
    """
    scene = started()
    scene.feed(alive(segfault(1, 1.0), A, 1), at_s=1)
    scene.wait(WINDOW_S + 1)
    (event,) = scene.feed(alive(segfault(2, 70), A, 2), at_s=70)
    assert kernel(event).count == 1


def test_the_cleanup_of_a_gpu_is_counted_with_its_error() -> None:
    """
    Xid 45 follows another error of the same processor and is counted with it.
    """
    scene = started()
    (root,) = scene.feed(line("NVRM: Xid (PCI:0000:0a:00): 31, Ch 00000010", 1.0))
    assert scene.feed(line("NVRM: Xid (PCI:0000:0a:00): 45, Ch 00000011", 1.1)) == []
    (other,) = scene.feed(line("NVRM: Xid (PCI:0000:0b:00): 45, Ch 00000011", 1.2))
    assert [kernel(event).code for event in (root, other)] == [31, 45]


def test_a_flood_of_kinds_is_bounded() -> None:
    """
    A flood in which each line differs opens a bounded number of counts; the rest is counted together.
    """
    scene = started()
    lines = [
        line(f"EXT4-fs (dm-{number}): Remounting filesystem read-only", 1 + number / 1000) for number in range(500)
    ]
    at_once = scene.feed(*lines, at_s=2)
    folded = scene.wait(WINDOW_S)
    assert len(at_once) < 300
    assert len(folded) == 1
    assert sum(kernel(event).count for event in [*at_once, *folded]) == 500


def test_the_audit_record_of_an_end_follows_its_line() -> None:
    """
    The audit record says again what the line about the fault has said, and is no event of its own.
    """
    scene = started()
    audit = line('audit: type=1701 audit(1.2:3): uid=0 pid=40 comm="hog" exe="/hog" sig=11 res=1', 1.001)
    (event,) = scene.feed(alive(segfault(40), A, 40), alive(audit, A, 40), at_s=1.1)
    assert kernel(event).kind == "segfault"
    assert scene.wait(WINDOW_S + WAIT_S) == []


def dumped(pid: int, at_s: float, cgroup: str | None = None) -> KernelFact:
    """
    Return what systemd-coredump says of a process.
    """
    notice = KernelNotice(
        kind=NoticeKind.ABNORMAL_END,
        task=TaskName(id=pid, comm="hog"),
        is_process=True,
        signal=11,
        cgroup=cgroup,
        frames=(Frame(module="libc.so.6", offset=0x90, function="strlen"), Frame(module="hog")),
        is_reported=True,
        fatal=True,
    )
    text = KernelLine(text=f"Process {pid} (hog) of user 0 dumped core.", at_ns=ns(at_s))
    return KernelFact(source=JOURNALD, line=text, notice=notice)


FRAMES = ("strlen (libc.so.6+0x90)", "? (hog)")


def test_a_core_dump_alone_is_an_event_that_is_likely() -> None:
    """
    One program names a process and a cgroup: that is likely, and certain once the connector saw the process end there.
    """
    scene = started()
    assert scene.feed(dumped(40, 1.0, scope_path(A)), at_s=1) == []
    (event,) = scene.wait(WAIT_S)
    assert where(event) == (A, Confidence.LIKELY)
    assert event.exit137.crash is not None
    assert event.exit137.crash.frames == FRAMES
    scene.feed(dumped(41, 90.0, scope_path(A)), at_s=90)
    (seen,) = scene.feed(exited(41, at_s=90.1, signal=11), at_s=90.2)
    assert where(seen) == (A, Confidence.CERTAIN)


def test_a_core_dump_adds_its_frames_to_the_line_of_the_kernel() -> None:
    """
    The kernel's line about the crash came before: there is one event, with the frames if it still waits.
    """
    scene = started()
    assert scene.feed(segfault(40), dumped(40, 1.001, scope_path(A)), at_s=1) == []
    (event,) = scene.feed(exited(40, at_s=1.2, signal=11))
    assert kernel(event).kind == "segfault"
    assert event.exit137.crash is not None
    assert event.exit137.crash.frames == FRAMES


def test_a_core_dump_adds_its_frames_to_the_death() -> None:
    """
    The event of the crash was published before the core was written; the death has the frames all the same.
    """
    scene = started()
    scene.feed(alive(segfault(MAIN_PID), A, MAIN_PID), at_s=1)
    assert scene.feed(dumped(MAIN_PID, 1.001, scope_path(A)), at_s=1.5) == []
    scene.feed(docker(DIE, 2.0, exit_code=139), at_s=2)
    (event,) = (event for event in scene.wait(VERDICT_WAIT_S) if event.type is EventType.CONTAINER_DEATH)
    assert event.exit137.crash is not None
    assert (event.exit137.crash.module, event.exit137.crash.frames) == ("libc.so.6", FRAMES)


def test_an_audit_record_of_two_sources_is_one_event() -> None:
    """
    journald reads the record itself, and the kernel prints it to its log: number and time join the two.
    """
    scene = started()
    text = 'audit: type=1326 audit(1.200:3): uid=0 pid=40 comm="hog" exe="/hog" sig=0 syscall=41 code=0x50000'
    by_kernel = line(text, 1.0)
    stampless = replace(by_kernel.line, monotonic_us=None, text=text.partition(": ")[2])
    scene.feed(by_kernel, replace(by_kernel, source=JOURNALD, line=stampless), at_s=1)
    assert [kernel(event).count for event in [*scene.wait(WAIT_S), *scene.wait(WINDOW_S)]] == [1]
