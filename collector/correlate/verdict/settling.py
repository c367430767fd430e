"""
Decide when a verdict is complete before its deadline: which sources may still change it, and how far they must be read.

Docker logs the `kill` that ends a container before its `die`, because both are logged under the container's lock
(moby, daemon/kill.go and daemon/monitor.go, 18.09 to 29). So after `die` no signal of Docker can appear as the cause.
Its `stop` and `oom` may come later: a verdict that one of them could change waits for the deadline (docs/adr/0006).
"""

from collections.abc import Mapping
from typing import Final

from collector.correlate.runs import LOST_TASK
from collector.correlate.verdict.case import MS, SIGKILL, Case, Verdict
from sinks.event import Cause

# Other engines may log a signal after the end; one that is stamped later than this does not count (`Case`).
_LATE_SIGNAL_NS: Final = 20 * MS
# The end of a process whose container is not known yet is handed over after another look at it.
_UNSEEN_EXIT_NS: Final = 100 * MS
# earlyoom and nohang send SIGTERM, on which a program may exit with any code; their line may be written after the end.
_KILLERS_LINE_NS: Final = 500 * MS


def open_until_ns(case: Case, verdict: Verdict) -> Mapping[str, int] | None:
    """
    Return how far past the end the sources must have been read for a verdict to be complete: nanoseconds by source.

    None: something may still come of which no source says that it will not; the verdict waits for its deadline.
    """
    if case.die_event_ns is None or case.engine_down_ns is not None or case.rebooted or case.is_podmans:
        return None
    if _has_exited_by_itself(case):
        if verdict.cause is Cause.APP_ERROR:
            return _lags_ns(case, journald_ns=_KILLERS_LINE_NS)
        return _lags_ns(case) if verdict.cause is Cause.OOM_KILL_CHILD else None
    return _lags_ns(case) if _was_killed_by_docker(case, verdict) else None


def _has_exited_by_itself(case: Case) -> bool:
    """
    Return whether the run ended with an exit code of its own, and nobody has sent it a signal through Docker.

    Then Docker's `oom` and `stop` explain nothing. Docker writes 255 also where it does not know the code.
    """
    known = case.exit_code not in (None, LOST_TASK) and not case.is_code_disputed
    return known and case.signal is None and not case.signals and case.stop_ns is None


def _was_killed_by_docker(case: Case, verdict: Verdict) -> bool:
    """
    Return whether a single SIGKILL through Docker ended the run, which was not `docker stop` and not `docker rm -f`.

    `docker stop` sends the stop signal first. `docker rm -f` marks the container before it kills it; with --rm the two
    look the same, and the verdict says so.
    """
    by_kill = verdict.cause is Cause.DOCKER_KILL and case.signal == SIGKILL and case.stop_signal != SIGKILL
    is_not_removal = case.auto_remove or case.being_removed is False
    return by_kill and is_not_removal and [sent.signal for sent in case.signals] == [SIGKILL]


def _lags_ns(case: Case, journald_ns: int = 0) -> Mapping[str, int]:
    return {
        "kmsg": 0,
        "journald": journald_ns,
        "processes": 0 if case.wait_status is not None else _UNSEEN_EXIT_NS,
        "trace": 0,
        "docker": _LATE_SIGNAL_NS,
    }
