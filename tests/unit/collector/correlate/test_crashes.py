"""
What a death by a crash says of the crash, with and without each source.
"""

from dataclasses import replace

import pytest

from collector.facts.kernel import KernelFact, LiveTask, ThreadCrashedFact
from collector.facts.observed import Fact, GapFact, SignalFact
from parsers.cgroup_path import ContainerRef, Runtime
from sinks.event import Cause, Confidence, Crash, CrashLine, CrashReason, Event, EventType, GapKind, KernelEventKind
from tests.unit.collector.correlate.scene import (
    DIE,
    MAIN_PID,
    START,
    VERDICT_WAIT_S,
    A,
    Scene,
    docker,
    ended,
    exited,
    line,
    ns,
    running,
    started,
)

THREAD = 4711
SEGFAULT = "hog[{}]: segfault at 8 ip 7f5d0050 sp 7ffc1000 error 4 in libc.so.6[7f5d0000+1000]"
IN_A = ContainerRef(runtime=Runtime.DOCKER, id=A)
CRASH = Crash(
    signal=11,
    kind=KernelEventKind.SEGFAULT,
    reason=CrashReason.NULL_POINTER,
    module="libc.so.6",
    module_offset="0x50",
    module_base="0x7f5d0000",
    module_size_bytes=0x1000,
    address="0x8",
    ip="0x7f5d0050",
    sp="0x7ffc1000",
    error_code="0x4",
    signature="segfault libc.so.6+0x50",
)


def crash_line(task: int = MAIN_PID, at_s: float = 9.9) -> KernelFact:
    """
    Return the kernel's line about a crash.
    """
    return line(SEGFAULT.format(task), at_s)


def death(events: list[Event]) -> Event:
    """
    Return the one death among events.
    """
    (event,) = (event for event in events if event.type is EventType.CONTAINER_DEATH)
    return event


def died(scene: Scene, *facts: Fact, exit_code: int = 139) -> Event:
    """
    Feed what was seen of the end at second 10, and return the death.
    """
    events = scene.feed(*facts, docker(DIE, 10, exit_code=exit_code), at_s=10)
    return death([*events, *scene.wait(VERDICT_WAIT_S)])


def test_a_death_says_where_and_why_it_crashed() -> None:
    """
    With the wait status and the line, the death is certain and has the module, the reason and the line as evidence.
    """
    event = died(started(), crash_line(), exited(MAIN_PID, at_s=9.95, signal=11))
    assert (event.exit137.cause, event.exit137.confidence) == (Cause.CRASH, Confidence.CERTAIN)
    assert event.exit137.crash == CRASH
    assert "SIGSEGV in libc.so.6 (it used a null pointer)" in event.message
    assert SEGFAULT.format(MAIN_PID) in [entry.text for entry in event.exit137.evidence]


def test_a_thread_that_is_not_the_main_one() -> None:
    """
    The line names a thread; the process connector says whose it is.
    """
    crash = ThreadCrashedFact(tid=THREAD, pid=MAIN_PID, container=IN_A, at_ns=ns(9.9))
    event = died(started(), crash_line(THREAD), crash, exited(MAIN_PID, at_s=9.95, signal=11))
    assert event.exit137.crash == CRASH


def test_a_line_whose_process_is_certain_is_as_good_as_the_wait_status() -> None:
    """
    Without the process connector, the line of a task that still ran makes the crash certain.
    """
    fact = replace(crash_line(THREAD), task=LiveTask(pid=MAIN_PID, container=IN_A))
    event = died(started(), fact)
    assert (event.exit137.confidence, event.exit137.crash) == (Confidence.CERTAIN, CRASH)


def test_docker_s_pid_makes_the_line_likely() -> None:
    """
    With only Docker's pid of the main process, the crash is likely, and still says where.
    """
    event = died(started(), crash_line())
    assert (event.exit137.confidence, event.exit137.crash) == (Confidence.LIKELY, CRASH)


def test_without_a_line_only_the_signal_is_known() -> None:
    """
    On a host whose kernel prints no such line the death has only the signal.
    """
    event = died(started(), exited(MAIN_PID, at_s=9.95, signal=11))
    not_read = Crash(signal=11, line_missing=CrashLine.NOT_READ)
    assert (event.exit137.confidence, event.exit137.crash) == (Confidence.LIKELY, not_read)


def test_a_container_that_nobody_saw_run() -> None:
    """
    It lived for milliseconds: the line is possibly about it if its name, its exit code and its end fit, and no other.
    """
    scene = Scene()
    scene.feed(docker(START, 9.8), at_s=9.9)
    end = (docker(DIE, 9.95, exit_code=139), ended(finished_s=9.95, exit_code=139, path="/bin/hog", started_s=9.8))
    events = [*scene.feed(crash_line(4242), *end, at_s=10), *scene.wait(VERDICT_WAIT_S + 1)]
    (kernel,) = (event for event in events if event.type is EventType.KERNEL_EVENT)
    assert kernel.container is not None
    assert kernel.exit137.confidence is Confidence.POSSIBLE
    crash = death(events).exit137.crash
    assert crash is not None
    assert (crash.reason, crash.line_missing) == (CrashReason.NULL_POINTER, None)
    assert death(events).exit137.confidence is Confidence.LIKELY


@pytest.mark.parametrize(
    ("exit_code", "path", "at_s"), [(134, "/bin/hog", 9.9), (139, "/bin/other", 9.9), (139, "/bin/hog", 7.0)]
)
def test_a_line_about_another_than_the_container_that_nobody_saw(exit_code: int, path: str, at_s: float) -> None:
    """
    Another signal, another name or another time is another crash.
    """
    scene = Scene()
    scene.feed(docker(START, 9.8), at_s=9.9)
    end = (docker(DIE, 9.95, exit_code=exit_code), ended(finished_s=9.95, exit_code=exit_code, path=path))
    events = [*scene.feed(crash_line(4242, at_s=at_s), *end, at_s=10), *scene.wait(VERDICT_WAIT_S + 1)]
    (kernel,) = (event for event in events if event.type is EventType.KERNEL_EVENT)
    assert kernel.container is None


@pytest.mark.parametrize(
    ("up_s", "confidence"), [(-1, Confidence.CERTAIN), (9, Confidence.LIKELY), (None, Confidence.LIKELY)]
)
def test_without_a_line_the_trace_decides(up_s: float | None, confidence: Confidence) -> None:
    """
    A trace that was read since the run began would have shown the sender of `kill -SEGV`.
    """
    scene = started()
    if up_s is not None:
        scene.feed(GapFact(source="trace", what=GapKind.SOURCE_UP, at_ns=ns(up_s), text="up"), at_s=9)
    event = died(scene, exited(MAIN_PID, at_s=9.95, signal=6), exit_code=134)
    assert (event.exit137.cause, event.exit137.confidence) == (Cause.CRASH, confidence)


def killed_by(sender_pid: int, target_pid: int, at_s: float = 9.9) -> SignalFact:
    """
    Return what the trace shows of `kill -SEGV` by a process of the host.
    """
    return SignalFact(
        signal=11,
        code=0,
        sender_pid=sender_pid,
        sender_comm="bash",
        sender_uid=0,
        sender_container=None,
        sender_unit="session-3.scope",
        sender_placed=True,
        target_pid=target_pid,
        target_comm="hog",
        at_ns=ns(at_s),
    )


@pytest.mark.parametrize("facts", [(), (killed_by(77, MAIN_PID),)], ids=["no trace", "trace"])
def test_the_line_of_a_process_of_the_same_name_proves_no_crash(facts: tuple[Fact, ...]) -> None:
    """
    A process of the host crashed, and `kill -SEGV` ended the container: by the name alone the line may be of either.
    """
    event = died(started(), crash_line(4242), *facts, exited(MAIN_PID, at_s=9.95, signal=11))
    is_sent = bool(facts)
    assert event.exit137.cause is (Cause.SIGNAL if is_sent else Cause.CRASH)
    assert event.exit137.confidence is (Confidence.CERTAIN if is_sent else Confidence.LIKELY)


@pytest.mark.parametrize(
    ("sent", "confidence"),
    [
        (killed_by(77, THREAD, at_s=19.9), Confidence.LIKELY),
        (killed_by(THREAD, THREAD, at_s=19.9), Confidence.CERTAIN),
        (killed_by(77, MAIN_PID, at_s=1), Confidence.LIKELY),
        (killed_by(77, 40, at_s=19.9), Confidence.CERTAIN),
    ],
    ids=["a thread", "a thread itself", "while it was frozen", "another process"],
)
def test_a_signal_that_may_have_been_sent_to_a_thread(sent: SignalFact, confidence: Confidence) -> None:
    """
    The trace names the task that a signal was sent to, and only the process itself ends. A frozen one ends later.
    """
    scene = Scene()
    scene.feed(GapFact(source="trace", what=GapKind.SOURCE_UP, at_ns=ns(-60), text="up"), at_s=0)
    scene.run(A, at_s=0)
    main = exited(MAIN_PID, at_s=19.95, signal=11)
    events = scene.feed(sent, exited(40, at_s=19.91, signal=11), main, docker(DIE, 20, exit_code=139), at_s=20)
    found = death([*events, *scene.wait(VERDICT_WAIT_S)])
    assert (found.exit137.cause, found.exit137.confidence) == (Cause.CRASH, confidence)


def test_a_line_that_the_kernel_left_out() -> None:
    """
    It prints ten in five seconds: a crash without a line at such a time says so.
    """
    scene = started()
    for number in range(10):
        scene.feed(crash_line(8000 + number, at_s=8 + number / 10), at_s=9)
    event = died(scene, exited(MAIN_PID, at_s=9.95, signal=11))
    assert event.exit137.crash is not None
    assert event.exit137.crash.line_missing is CrashLine.LEFT_OUT
    assert "rate limit" in event.message


@pytest.mark.parametrize(
    "other",
    [
        crash_line(40),
        crash_line(THREAD),
        line(SEGFAULT.format(MAIN_PID), 1.0),
        line("traps: hog[4000] trap divide error ip:7f sp:7f error:0", 9.9),
    ],
    ids=["another process", "a thread of nobody", "long before", "another signal"],
)
def test_the_line_of_another_end_is_not_used(other: KernelFact) -> None:
    """
    The line of another process, or of an end by another signal, says nothing about this death.
    """
    scene = Scene()
    scene.run(A, at_s=5)
    end = exited(MAIN_PID, at_s=9.95, signal=6)
    event = died(scene, exited(40, at_s=9.91, signal=11), other, end, exit_code=134)
    assert (event.exit137.cause, event.exit137.crash) == (Cause.CRASH, Crash(signal=6))


def test_a_worker_that_crashes_is_no_death() -> None:
    """
    A crash of another process of the container is a kernel event, and the container lives on.
    """
    scene = started()
    events = scene.feed(crash_line(40), exited(40, at_s=9.95, signal=11), at_s=10)
    events += scene.wait(VERDICT_WAIT_S)
    assert [event.type for event in events] == [EventType.KERNEL_EVENT]
    later = death([*scene.feed(docker(DIE, 60, exit_code=0), at_s=60), *scene.wait(VERDICT_WAIT_S)])
    assert (later.exit137.cause, later.exit137.crash) == (Cause.EXIT, None)


def test_a_stop_is_no_crash() -> None:
    """
    A program that ends with a code of its own after a crash of its child did not crash.
    """
    event = died(started(), crash_line(40), exited(40, at_s=9.9, signal=11), exited(MAIN_PID, at_s=9.95, code=139))
    assert event.exit137.cause is Cause.APP_ERROR
    assert event.exit137.crash is None


def test_each_run_has_its_own_crash() -> None:
    """
    The crash of the run before is not the one of a run that began later with the same pid.
    """
    scene = started()
    first = died(scene, crash_line(), exited(MAIN_PID, at_s=9.95, signal=11))
    scene.feed(ended(finished_s=10, exit_code=139), docker(START, 20), running(started_s=20), at_s=20)
    end = exited(MAIN_PID, at_s=39.95, started_s=20, signal=11)
    scene.feed(end, docker(DIE, 40, exit_code=139), at_s=40)
    second = death(scene.wait(VERDICT_WAIT_S))
    assert (first.exit137.crash, second.exit137.crash) == (CRASH, Crash(signal=11, line_missing=CrashLine.NOT_READ))
