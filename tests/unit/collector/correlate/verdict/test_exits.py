"""
Verdict rules: the exit itself, when nobody else had a part in it that was seen.
"""

import pytest

from collector.correlate.verdict import decide
from collector.correlate.verdict.exits import missing_line
from parsers.cgroup_path import ContainerRef, Runtime
from sinks.event import Cause, Confidence, CrashLine, EvidenceSource, Scope
from tests.unit.collector.correlate.verdict.cases import (
    CONTAINER,
    before_end,
    case,
    main_exit,
    oom_kill,
    sent,
    signal_from,
)

SEGV, TERM, KILL = 11, 15, 9
NOT_STARTED = {"started": False, "began_ns": None, "die_event_ns": None, "main_pid": None}


@pytest.mark.parametrize("exit_code", [125, 126, 127, 128])
def test_what_could_not_be_started_says_why(exit_code: int) -> None:
    """
    State.Error has the words, and no evidence that may still come changes them.
    """
    verdict = decide(case(exit_code, error='exec: "foo": executable file not found in $PATH', **NOT_STARTED))
    assert (verdict.cause, verdict.confidence, verdict.final) == (Cause.START_FAILED, Confidence.CERTAIN, True)
    assert "executable file not found" in verdict.because


@pytest.mark.parametrize("exit_code", [126, 127])
def test_a_program_may_end_with_the_code_of_a_failed_start(exit_code: int) -> None:
    """
    A shell gives 127 when it does not find a command: the container ran, and State.Error is empty.
    """
    assert decide(case(exit_code)).cause is Cause.APP_ERROR


def test_an_error_from_before_does_not_make_a_run_a_failed_start() -> None:
    """
    Docker keeps State.Error of an earlier start; a run that began ended with its own code.
    """
    assert decide(case(1, error="no space left on device")).cause is Cause.APP_ERROR


def test_a_container_that_was_removed_before_it_ran() -> None:
    """
    With `--rm` nothing is left that says why.
    """
    verdict = decide(case(None, **NOT_STARTED))
    assert (verdict.cause, verdict.confidence) == (Cause.START_FAILED, Confidence.POSSIBLE)


def test_a_limit_that_kills_the_init_of_runc_is_published_with_the_failed_start() -> None:
    """
    The kernel's line stands with State.Error as evidence.
    """
    verdict = decide(case(128, error="container init was OOM-killed", kills=(oom_kill(),), **NOT_STARTED))
    assert (verdict.cause, verdict.scope) == (Cause.START_FAILED, Scope.CONTAINER)
    assert [piece.source for piece in verdict.evidence] == [EvidenceSource.INSPECT, EvidenceSource.KMSG]


def test_a_run_whose_host_was_booted_anew_ended_with_the_boot() -> None:
    """
    Nobody saw the end; Docker found the task lost at its first start in the new boot.
    """
    verdict = decide(case(255, rebooted=True, die_event_ns=None, booted_ns=before_end(20)))
    assert (verdict.cause, verdict.confidence) == (Cause.HOST_REBOOT, Confidence.LIKELY)


@pytest.mark.parametrize("exit_code", [0, 137, 143])
def test_a_run_that_was_ended_just_before_the_boot_ended_with_the_host(exit_code: int) -> None:
    """
    A shutdown stops Docker, and Docker its containers, within three minutes.
    """
    verdict = decide(case(exit_code, rebooted=True, die_event_ns=None, booted_ns=before_end(-60)))
    assert verdict.cause is Cause.HOST_REBOOT


def test_a_run_that_had_ended_long_before_the_boot_had_its_own_reason() -> None:
    """
    Ten minutes are no shutdown.
    """
    verdict = decide(case(0, rebooted=True, die_event_ns=None, booted_ns=before_end(-600)))
    assert verdict.cause is Cause.EXIT


def test_a_program_that_failed_before_the_boot_failed_by_itself() -> None:
    """
    No shutdown gives exit code 1.
    """
    verdict = decide(case(1, rebooted=True, die_event_ns=None, booted_ns=before_end(-60)))
    assert verdict.cause is Cause.APP_ERROR


@pytest.mark.parametrize("signal", [4, 5, 6, 7, 8, 11, 31])
def test_a_fatal_signal_of_its_own_making_is_a_crash(signal: int) -> None:
    """
    By the exit code alone it is likely: a program may end with 139 by itself.
    """
    verdict = decide(case(128 + signal))
    assert (verdict.cause, verdict.confidence) == (Cause.CRASH, Confidence.LIKELY)


@pytest.mark.parametrize(("is_sender_seen", "confidence"), [(True, Confidence.CERTAIN), (False, Confidence.LIKELY)])
def test_a_wait_status_makes_a_crash_certain(is_sender_seen: bool, confidence: Confidence) -> None:
    """
    The kernel itself says that a signal ended it, and that it left a core; only the trace shows that nobody sent it.
    """
    verdict = decide(case(139, main_exit=main_exit(signal=SEGV, core=True), is_sender_seen=is_sender_seen))
    assert (verdict.cause, verdict.confidence) == (Cause.CRASH, confidence)
    assert verdict.evidence[0].text == "pid 4000 ended: wait status signal 11, core dumped"


def test_a_signal_of_a_crash_that_another_process_sent() -> None:
    """
    `kill -SEGV` of a watchdog is no crash, and its sender is known.
    """
    sender = signal_from(77, signal=SEGV)
    verdict = decide(case(139, main_exit=main_exit(signal=SEGV), is_sender_seen=True, sender=sender))
    assert (verdict.cause, verdict.confidence) == (Cause.SIGNAL, Confidence.CERTAIN)


def test_a_program_that_sent_the_signal_to_itself() -> None:
    """
    abort(3) does; that the kernel prints no line is no riddle then.
    """
    sender = signal_from(4000, signal=SEGV, sender_placed=False)
    found = case(139, main_exit=main_exit(signal=SEGV), is_sender_seen=True, sender=sender)
    assert (decide(found).cause, decide(found).confidence) == (Cause.CRASH, Confidence.CERTAIN)
    assert missing_line(found) is None


def test_a_sender_inside_the_container() -> None:
    """
    The trace names a thread, which may be one of the process that crashed.
    """
    inside = ContainerRef(runtime=Runtime.DOCKER, id=CONTAINER)
    sender = signal_from(77, signal=SEGV, sender_container=inside)
    verdict = decide(case(139, main_exit=main_exit(signal=SEGV), is_sender_seen=True, sender=sender))
    assert (verdict.cause, verdict.confidence) == (Cause.CRASH, Confidence.LIKELY)


@pytest.mark.parametrize("line", CrashLine)
@pytest.mark.parametrize(("signal", "is_fault"), [(4, True), (5, True), (8, True), (11, True), (6, False), (7, False)])
def test_why_there_is_no_line(signal: int, is_fault: bool, line: CrashLine) -> None:
    """
    For a fault the kernel prints a line; for an abort, and mostly for SIGBUS, it does not.
    """
    found = case(128 + signal, main_exit=main_exit(signal=signal), crash_line=line)
    assert missing_line(found) == (line if is_fault else None)
    assert ("rate limit" in decide(found).because) == (is_fault and line is CrashLine.LEFT_OUT)


def test_a_crash_that_docker_sent_is_no_crash() -> None:
    """
    `docker kill -s ABRT` asks a program for its core.
    """
    assert decide(case(134, signals=(sent(6),))).cause is Cause.DOCKER_KILL


def test_exit_code_137_alone_proves_nothing() -> None:
    """
    A kill from outside, a kill whose line was lost, and exit(137) look the same.
    """
    verdict = decide(case(137))
    assert (verdict.cause, verdict.confidence, verdict.evidence) == (Cause.SIGNAL, Confidence.POSSIBLE, ())
    assert not verdict.final


def test_another_signal_from_outside_is_likely() -> None:
    """
    Nothing but SIGKILL leaves so little trace.
    """
    verdict = decide(case(143))
    assert (verdict.cause, verdict.confidence) == (Cause.SIGNAL, Confidence.LIKELY)


def test_a_wait_status_makes_a_signal_from_outside_likely() -> None:
    """
    It was a signal, no program's own code; who sent it is still not said.
    """
    verdict = decide(case(137, main_exit=main_exit(signal=KILL)))
    assert (verdict.cause, verdict.confidence) == (Cause.SIGNAL, Confidence.LIKELY)
    assert verdict.evidence[0].source is EvidenceSource.PROCESS


def test_a_wait_status_unmasks_a_program_that_calls_exit_137() -> None:
    """
    Signal 9 and exit(137) are different there, and nowhere else.
    """
    verdict = decide(case(137, main_exit=main_exit(exit_code=137)))
    assert (verdict.cause, verdict.confidence) == (Cause.APP_ERROR, Confidence.CERTAIN)


def test_an_end_with_zero_is_certain_and_final() -> None:
    """
    Nothing that may still come explains it better.
    """
    verdict = decide(case(0))
    assert (verdict.cause, verdict.confidence, verdict.final) == (Cause.EXIT, Confidence.CERTAIN, True)


def test_an_end_with_zero_after_a_signal_waits_for_the_stop_event() -> None:
    """
    Docker's `stop` comes after the end and makes it a stop.
    """
    assert not decide(case(0, signals=(sent(TERM, 60),))).final


@pytest.mark.parametrize("exit_code", [1, 2, 42, 200, 254])
def test_a_code_that_no_signal_gives_is_the_programs_own(exit_code: int) -> None:
    """
    It is not settled: the kernel's word of a child may still come.
    """
    verdict = decide(case(exit_code))
    assert (verdict.cause, verdict.confidence, verdict.final) == (Cause.APP_ERROR, Confidence.CERTAIN, False)


def test_255_is_the_programs_own_only_where_its_end_was_seen() -> None:
    """
    Docker also writes 255 where it does not know how a task ended.
    """
    assert decide(case(255)).cause is Cause.APP_ERROR
    assert decide(case(255, die_event_ns=None)).cause is Cause.UNKNOWN


@pytest.mark.parametrize("exit_code", [None, 137])
def test_an_end_that_nobody_saw_and_nothing_explains_is_unknown(exit_code: int | None) -> None:
    """
    No guess is made.
    """
    verdict = decide(case(exit_code, die_event_ns=None))
    assert (verdict.cause, verdict.confidence) == (Cause.UNKNOWN, Confidence.POSSIBLE)
    assert verdict.because == "its end was not observed"


def test_a_seen_end_without_a_code_is_unknown() -> None:
    """
    A label took the code's place, and the container was gone before it could be inspected.
    """
    assert decide(case(None)).because == "the evidence does not say why"
