"""
What a death says of a crash or failure: from the kernel's line and from the log tail.
"""

from collector.facts.observed import LogTailFact
from sinks.event import Cause, CrashReason, Event, EventType
from tests.unit.collector.correlate.scene import DIE, MAIN_PID, VERDICT_WAIT_S, A, docker, exited, line, ns, started

TRACEBACK = ("Traceback (most recent call last):", '  File "/app/main.py", line 7, in main', "ValueError: x")
SEGFAULT = f"hog[{MAIN_PID}]: segfault at 8 ip 7f5d0050 sp 7ffc1000 error 4 in libc.so.6[7f5d0000+1000]"


def died(*log: str, exit_code: int, crash_line: str | None = None) -> Event:
    """
    Return the death of a container with a log.
    """
    scene = started()
    signal = exit_code - 128 if exit_code > 128 else None
    facts = [line(crash_line, 9.9)] if crash_line is not None else []
    end = (
        exited(MAIN_PID, at_s=9.95, signal=signal)
        if signal is not None
        else exited(MAIN_PID, at_s=9.95, code=exit_code)
    )
    tail = LogTailFact(container_id=A, die_event_ns=ns(10), lines=log)
    events = scene.feed(*facts, end, docker(DIE, 10, exit_code=exit_code), tail, at_s=10)
    events += scene.wait(VERDICT_WAIT_S)
    (event,) = (event for event in events if event.type is EventType.CONTAINER_DEATH)
    return event


def test_an_error_that_the_log_ends_with() -> None:
    """
    A program that failed says why at the end of its log; the same failure has the same signature.
    """
    event = died(*TRACEBACK, exit_code=1)
    crash = event.exit137.crash
    assert event.exit137.cause is Cause.APP_ERROR
    assert crash is not None
    assert (crash.language, crash.error, crash.frames) == ("python", "ValueError: x", ("main (/app/main.py:7)",))
    assert crash.signature == "python ValueError in main"
    assert 'its log ends with "ValueError: x"' in event.message


def test_an_error_that_the_program_survived() -> None:
    """
    An error in the middle of the log does not explain the end.
    """
    assert died(*TRACEBACK, "INFO next request", exit_code=1).exit137.crash is None


def test_a_program_that_ended_well() -> None:
    """
    Whatever a log ends with, an exit with 0 is no failure.
    """
    assert died(*TRACEBACK, exit_code=0).exit137.crash is None


def test_the_kernel_s_line_decides_the_signature() -> None:
    """
    With both, the signature is where the kernel saw the crash, and the frames are the program's.
    """
    crash = died(*TRACEBACK, exit_code=139, crash_line=SEGFAULT).exit137.crash
    assert crash is not None
    assert (crash.signature, crash.frames) == ("segfault libc.so.6+0x50", ("main (/app/main.py:7)",))


def test_a_library_for_a_newer_cpu() -> None:
    """
    What glibc says when it refuses the CPU is a reason, with advice; the same words with another code are not.
    """
    words = "Fatal glibc error: CPU does not support x86-64-v2"
    event = died(words, exit_code=127)
    crash = event.exit137.crash
    assert crash is not None
    assert (crash.reason, crash.cpu_needs) == (CrashReason.CPU_TOO_OLD, ("x86-64-v2",))
    assert [advice.kind for advice in event.exit137.advice] == ["cpu"]
    assert died(words, exit_code=1).exit137.crash is None


def test_a_system_call_that_nobody_names() -> None:
    """
    Without the audit record there is advice how to find the call.
    """
    assert [advice.kind for advice in died(exit_code=159).exit137.advice] == ["seccomp"]


def test_the_last_words() -> None:
    """
    Advice by the last words comes with failures only.
    """
    words = "write /data/a: No space left on device"
    assert [advice.kind for advice in died(words, exit_code=1).exit137.advice] == ["disk"]
    assert died(words, exit_code=0).exit137.advice == ()
