"""
How the main process of a container crashed or failed, as a death says it: from the kernel's line and from the log tail.

A traceback counts only if the log ends with it: an earlier one may be of an error that the program has survived.
"""

from collections.abc import Mapping
from dataclasses import replace
from signal import SIGSYS
from typing import Final

from collector.correlate.crash_in_run import CrashInRun
from collector.correlate.findings import Death
from collector.correlate.verdict.exits import missing_line
from collector.publish.kernel_advice import CORE, advice_of
from collector.publish.kernel_events import crash_of
from parsers.docker_inspect import SeccompProfile
from parsers.tracebacks import Traceback, missing_cpu_level, parse_traceback
from sinks.event import Advice, Cause, Crash, CrashReason

_FAILURES: Final = frozenset({Cause.APP_ERROR, Cause.CRASH})
# glibc exits with it before the program runs.
_NOT_LOADED: Final = 127
# Without the audit record of the call: the kernel has no audit, or auditd took the record.
_CALL_UNKNOWN: Final = Advice(
    kind="seccomp",
    text="Find the system call with auditd (ausearch -m SECCOMP) or by running the program under strace -f: the"
    " last call is the one. Then allow it, in the program's own sandbox or in the container's profile.",
    reason="A seccomp filter ends a process with SIGSYS. The kernel's log does not name the call.",
    unless="somebody sent the signal with kill",
)
_BY_REASON: Final[Mapping[CrashReason, Advice]] = {
    CrashReason.CPU_TOO_OLD: Advice(
        kind="cpu",
        text="Use an image whose base was built for older CPUs (Debian, Alpine, or an earlier release of the same"
        " distribution), or give the virtual machine the CPU of its host.",
        reason="The C library in the image was built for a level of x86-64 that this CPU does not have.",
    ),
}


def crash_of_death(death: Death, line: CrashInRun | None) -> Crash | None:
    """
    Return how the main process crashed or failed; None where nothing is known but its exit code.

    Args:
        death: the death.
        line: the kernel's line about its end, if there is one.
    """
    cause, case = death.verdict.cause, death.case
    if cause not in _FAILURES:
        return None
    traceback = parse_traceback(death.run.log_tail)
    if traceback is not None and not traceback.ends_log:
        traceback = None
    if cause is Cause.CRASH:
        known = (crash_of(line.notice) if line is not None else None) or Crash()
        crash = replace(known, signal=case.signal, line_missing=missing_line(case))
        return _with_traceback(crash, traceback) if traceback is not None else crash
    level = missing_cpu_level(death.run.log_tail) if case.exit_code == _NOT_LOADED else None
    if level is not None:
        return Crash(reason=CrashReason.CPU_TOO_OLD, cpu_needs=(level,), signature=f"glibc needs {level}")
    return _with_traceback(Crash(), traceback) if traceback is not None else None


def crash_advice(line: CrashInRun | None, crash: Crash | None, seccomp: SeccompProfile | None) -> tuple[Advice, ...]:
    """
    Return the advice about a crash.

    Args:
        line: the kernel's line about it, if there is one.
        crash: how it crashed.
        seccomp: the profile of the container; None if unknown.
    """
    if line is not None:
        has_calls = crash is not None and bool(crash.frames)
        return tuple(advice for advice in advice_of(line.notice, seccomp) if not has_calls or advice.kind != CORE)
    if crash is not None and crash.signal == SIGSYS:
        return (_CALL_UNKNOWN,)
    reason = crash.reason if crash is not None else None
    return (_BY_REASON[reason],) if reason is not None and reason in _BY_REASON else ()


def _with_traceback(crash: Crash, traceback: Traceback) -> Crash:
    where = f" in {traceback.frames[0].partition('(')[0].strip()}" if traceback.frames else ""
    return replace(
        crash,
        language=traceback.language.value,
        error=traceback.error,
        frames=traceback.frames,
        signature=crash.signature or f"{traceback.language.value} {traceback.error_type}{where}",
    )
