"""
Ended runs for the tests of the verdict: ten minutes long, and all that happened is given in seconds before the end.
"""

from typing import Any, Final

from collector.correlate.kill_in_run import KillInRun
from collector.correlate.runs import SignalSent
from collector.correlate.verdict import Case
from collector.facts.observed import ProcessExitedFact, SignalFact
from parsers.cgroup_path import ContainerRef, Runtime
from parsers.killers import Author
from parsers.proc_event import WaitStatus
from sinks.event import EvidenceSource, Killer, Scope

SECOND: Final = 1_000_000_000
ENDED_NS: Final = 1_000_000 * SECOND
CONTAINER: Final = "c" * 64
MAIN_PID: Final = 4000
CHILD_PID: Final = 4001
KILLER_PID: Final = 571


def before_end(seconds: float) -> int:
    return ENDED_NS - round(seconds * SECOND)


def case(exit_code: int | None = 137, **known: Any) -> Case:  # noqa: ANN401 (any of the fields)
    """
    A run that began, ended, and whose end Docker reported.
    """
    usual: dict[str, Any] = {
        "container_id": CONTAINER,
        "began_ns": before_end(600),
        "ended_ns": ENDED_NS,
        "die_event_ns": ENDED_NS,
        "main_pid": MAIN_PID,
        "kernel_log": True,
    }
    return Case(exit_code=exit_code, **(usual | known))


def sent(signal: int | None, seconds: float = 0.05) -> SignalSent:
    """
    A signal that was sent through Docker so long before the end.
    """
    return SignalSent(at_ns=before_end(seconds), signal=signal)


def oom_kill(
    seconds: float = 0.05,
    *,
    main: bool | None = True,
    killer: Killer = Killer.KERNEL,
    scope: Scope | None = Scope.CONTAINER,
    signal: str | None = None,
    author: Author | None = None,
) -> KillInRun:
    """
    An OOM kill of the main process, of a child, or of nobody knows which process.
    """
    return KillInRun(
        event_id="kill",
        at_ns=before_end(seconds),
        pid=MAIN_PID if main else CHILD_PID,
        comm="hog",
        main_process=main,
        killer=killer,
        scope=scope,
        limit_bytes=1 << 26,
        source=EvidenceSource.KMSG,
        text="Memory cgroup out of memory: Killed process 4000 (hog)",
        signal=signal,
        author=author,
    )


def program_kill(seconds: float = 0.05, killer: Killer = Killer.EARLYOOM, **fields: Any) -> KillInRun:  # noqa: ANN401
    """
    A kill by a program for which journald vouches.
    """
    author = Author(name=killer.value, pid=KILLER_PID)
    return oom_kill(seconds, killer=killer, **({"scope": Scope.HOST, "author": author} | fields))


def signal_from(pid: int, *, unit: str | None = None, seconds: float = 0.01, **fields: Any) -> SignalFact:  # noqa: ANN401
    """
    A SIGKILL to the main process, as the kernel traced it.
    """
    usual: dict[str, Any] = {
        "signal": 9,
        "code": 0,
        "sender_comm": "sender",
        "sender_uid": 0,
        "sender_container": None,
        "sender_placed": True,
        "target_pid": MAIN_PID,
        "target_comm": "hog",
    }
    return SignalFact(sender_pid=pid, sender_unit=unit, at_ns=before_end(seconds), **(usual | fields))


def main_exit(*, exit_code: int | None = None, signal: int | None = None, core: bool = False) -> ProcessExitedFact:
    """
    How the main process ended, from the kernel itself.
    """
    return ProcessExitedFact(
        pid=MAIN_PID,
        started_ns=1,
        container=ContainerRef(runtime=Runtime.DOCKER, id=CONTAINER),
        comm="hog",
        command_line=None,
        parent_pid=1,
        ancestors=(),
        status=WaitStatus(exit_code=exit_code, signal=signal, core_dumped=core),
        monotonic_us=1,
        at_ns=ENDED_NS,
    )
