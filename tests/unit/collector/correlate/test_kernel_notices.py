"""
Kernel notices: which container they concern, and how often they are published.
"""

from dataclasses import replace

import pytest

from collector.correlate.repetitions import WINDOW_NS
from collector.facts.kernel import KernelFact, LiveTask, ThreadCrashedFact
from collector.facts.observed import Origin
from parsers.cgroup_path import ContainerRef, Runtime
from parsers.kernel import Frame, KernelNotice, NoticeKind, TaskName
from parsers.oom.facts import KernelLine
from sinks.event import Confidence, Event, EventType, Kernel
from tests.unit.collector.correlate.scene import (
    DIE,
    JOURNALD,
    MAIN_PID,
    SECOND,
    VERDICT_WAIT_S,
    A,
    B,
    docker,
    exited,
    line,
    ns,
    scope_path,
    started,
)

THREAD = 4711
WAIT_S = 2.0
WINDOW_S = WINDOW_NS / SECOND


def segfault(task: int, at_s: float = 1.0, comm: str = "hog") -> KernelFact:
    """
    Return the line about a crash.
    """
    text = f"{comm}[{task}]: segfault at 8 ip 7f5d0050 sp 7ffc1000 error 4 in libc.so.6[7f5d0000+1000]"
    return line(text, at_s)


def alive(fact: KernelFact, container_id: str | None, pid: int) -> KernelFact:
    """
    Return a line whose task still ran when it was read.
    """
    container = ContainerRef(runtime=Runtime.DOCKER, id=container_id) if container_id is not None else None
    return replace(fact, task=LiveTask(pid=pid, container=container))


def crashed(tid: int, pid: int, at_s: float = 1.0, container_id: str = A) -> ThreadCrashedFact:
    """
    Return what the process connector says of a crash.
    """
    return ThreadCrashedFact(
        tid=tid, pid=pid, container=ContainerRef(runtime=Runtime.DOCKER, id=container_id), at_ns=ns(at_s)
    )


def kernel(event: Event) -> Kernel:
    """
    Return what an event says of the line.
    """
    assert event.type is EventType.KERNEL_EVENT
    assert event.exit137.kernel is not None
    return event.exit137.kernel


def where(event: Event) -> tuple[str | None, Confidence]:
    """
    Return the container of an event, and how well that is supported.
    """
    return event.container.id if event.container is not None else None, event.exit137.confidence


def test_a_task_that_still_runs_is_certain() -> None:
    """
    A task that /proc still has makes the container certain, and the event comes at once.
    """
    scene = started()
    (event,) = scene.feed(alive(segfault(THREAD), A, MAIN_PID), at_s=1)
    assert where(event) == (A, Confidence.CERTAIN)
    assert (kernel(event).pid, kernel(event).tid, kernel(event).name) == (MAIN_PID, THREAD, "hog")
    assert event.exit137.crash is not None
    assert (event.exit137.crash.module, event.exit137.crash.module_offset) == ("libc.so.6", "0x50")


def test_the_connector_names_the_process_of_a_thread() -> None:
    """
    A crash that the process connector saw names the process of the thread, before the line or after it.
    """
    scene = started()
    scene.feed(crashed(THREAD, 40))
    (before,) = scene.feed(segfault(THREAD), at_s=1)
    assert scene.feed(segfault(THREAD + 1, 90), at_s=90) == []
    (after,) = scene.feed(crashed(THREAD + 1, 41, 90.001))
    assert [(where(event), kernel(event).pid) for event in (before, after)] == [
        ((A, Confidence.CERTAIN), 40),
        ((A, Confidence.CERTAIN), 41),
    ]


def test_the_end_of_a_process_with_this_pid_is_certain() -> None:
    """
    The end of a process that had the pid at that time makes the container certain, whatever ended it.
    """
    scene = started()
    assert scene.feed(segfault(40), at_s=1) == []
    (event,) = scene.feed(exited(40, at_s=1.2, signal=11))
    assert where(event) == (A, Confidence.CERTAIN)


def test_an_earlier_process_with_this_pid_is_another() -> None:
    """
    A process that ended long before the line, or began after it, is not the one in the line.
    """
    scene = started()
    scene.feed(exited(40, at_s=1.0, signal=11), crashed(40, 40, 1.0))
    assert scene.feed(segfault(40, 30), at_s=30) == []
    scene.feed(exited(40, B, at_s=31.9, started_s=31.5, signal=11), at_s=31.9)
    (event,) = scene.wait(WAIT_S)
    assert where(event) == (None, Confidence.POSSIBLE)


def test_the_main_process_is_likely_by_its_pid() -> None:
    """
    Without the process connector only Docker's pid of the main process fits, which is likely.
    """
    scene = started()
    assert scene.feed(segfault(MAIN_PID), at_s=1) == []
    (event,) = scene.wait(WAIT_S)
    assert where(event) == (A, Confidence.LIKELY)


def test_a_name_alone_is_possible() -> None:
    """
    If only the name of one process fits that such a signal ended then, its container is possible.
    """
    scene = started()
    scene.feed(segfault(THREAD), exited(40, at_s=1.1, signal=11), at_s=1.1)
    (event,) = scene.wait(WAIT_S)
    assert where(event) == (A, Confidence.POSSIBLE)


def test_two_processes_of_one_name_are_no_evidence() -> None:
    """
    If two processes of the name were ended by such a signal, the line may concern either of them.
    """
    scene = started()
    scene.run(B, pid=MAIN_PID + 9)
    scene.feed(segfault(THREAD), exited(40, at_s=1.1, signal=11), exited(41, B, at_s=1.1, signal=11), at_s=1.1)
    (event,) = scene.wait(WAIT_S)
    assert where(event) == (None, Confidence.POSSIBLE)


def test_another_signal_is_no_crash() -> None:
    """
    A process of the name that another signal ended is not the one that crashed.
    """
    scene = started()
    scene.feed(segfault(THREAD), exited(40, at_s=1.1, signal=9), at_s=1.1)
    (event,) = scene.wait(WAIT_S)
    assert where(event) == (None, Confidence.POSSIBLE)


def test_a_path_is_certain() -> None:
    """
    The line about a limit of tasks has the path of the container's cgroup.
    """
    (event,) = started().feed(line(f"cgroup: fork rejected by pids controller in {scope_path(A)}", 1.0))
    assert where(event) == (A, Confidence.CERTAIN)
    assert kernel(event).cgroup == scope_path(A)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("EXT4-fs (dm-17): Remounting filesystem read-only", "dm-17"),
        ("nf_conntrack: table full, dropping packet", None),
        ("NVRM: Xid (PCI:0000:44:00): 79, GPU has fallen off the bus", "0000:44:00"),
    ],
)
def test_lines_about_the_host_have_no_container(text: str, device: str | None) -> None:
    """
    A line that names no process is published at once, as an event of the host.
    """
    (event,) = started().feed(line(text, 1.0))
    assert where(event) == (None, Confidence.CERTAIN)
    assert event.subject == "host/" + "1" * 32
    assert kernel(event).device == device


def test_the_owner_of_a_lock_is_added() -> None:
    """
    The line that names the owner of a lock follows the one about the blocked task, and makes one event with it.
    """
    scene = started()
    scene.run(B, pid=MAIN_PID + 9)
    blocked = line("INFO: task nvidia-smi:49 blocked for more than 120 seconds.", 1.0)
    owned = line("INFO: task nvidia-smi:49 is blocked on a mutex likely owned by task Core:58.", 1.01)
    owner = LiveTask(pid=50, container=ContainerRef(runtime=Runtime.DOCKER, id=B))
    assert scene.feed(alive(blocked, A, 49), at_s=1) == []
    scene.feed(replace(owned, owner=owner))
    (event,) = scene.wait(WAIT_S)
    found = kernel(event)
    assert where(event) == (A, Confidence.CERTAIN)
    assert found.blocked_s == 120
    assert found.owner is not None
    assert (found.owner.pid, found.owner.name, found.owner.container_id) == (58, "Core", B)
    assert found.owner.container_name == "box-b"


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


def test_what_waits_is_read_again_after_a_crash_of_the_agent() -> None:
    """
    The position of the source does not pass a line that waits for its container, or that is counted.
    """
    scene = started()
    scene.feed(segfault(THREAD), at_s=1, origin=Origin(source="kmsg", ordinal=5))
    assert scene.analyzer.held() == {"kmsg": 5}
    scene.wait(WAIT_S)
    assert scene.analyzer.held() == {}
    scene.feed(segfault(THREAD, 9), at_s=9, origin=Origin(source="kmsg", ordinal=6))
    scene.wait(WAIT_S)
    assert scene.analyzer.held() == {"kmsg": 6}
    scene.wait(WINDOW_S)
    assert scene.analyzer.held() == {}


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


def test_a_logged_system_call_is_no_event() -> None:
    """
    A filter that only logs system calls refuses nothing.
    """
    text = 'audit: type=1326 audit(1.2:3): pid=7 comm="a" exe="/a" sig=0 arch=c000003e syscall=51 code=0x7ffc0000'
    scene = started()
    assert scene.feed(line(text, 1.0), at_s=1) == []
    assert scene.wait(WAIT_S) == []


def test_the_end_of_the_input_publishes_what_waits() -> None:
    """
    A recording that ends gives what is known of a line, and the repetitions that were counted.
    """
    scene = started()
    scene.feed(alive(segfault(1, 1.0), A, 1), alive(segfault(2, 1.5), A, 2), segfault(THREAD, 2.0), at_s=2)
    events = scene.flush()
    assert sorted(kernel(event).count for event in events) == [1, 1]
