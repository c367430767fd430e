"""
Finds how the main process of a run ended, among the ends of processes that the kernel reported for its container.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from collector.correlate.runs import LOST_TASK, START_LAG_NS, Run
from collector.facts.observed import ProcessExitedFact
from parsers.proc_event import WaitStatus

_SIGNAL_BASE: Final = 128
INIT_NAMES: Final = frozenset({"docker-init", "tini", "dumb-init", "catatonit"})
_RUNTIME_HELPERS: Final = "runc:["
# Docker stamps the end of a run up to a second after its main process has ended.
_EXIT_LEAD_NS: Final = 5 * 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MainExit:
    """
    How a run ended.

    Attributes:
        exited: the end of the main process; under an init, of the process that init ran if it ended the run.
        exit_code: Docker's, unless Docker does not know it: then that of the first process.
    """

    exited: ProcessExitedFact | None
    exit_code: int | None


def find_main_exit(run: Run, ends: Iterable[ProcessExitedFact], *, has_init: bool) -> MainExit:
    """
    Find how a run ended.

    Args:
        run: the run.
        ends: of processes in its container, the latest first.
        has_init: whether the container's first process is an init, which ends as its child did.
    """
    of_run = [exited for exited in ends if run.had_begun(exited.at_ns)]
    first = _first_process(run, of_run)
    code = _exit_code(run.reported_exit_code, first)
    first_pid = run.main_pid if first is None else first.pid
    if has_init and first_pid is not None:
        children = (exited for exited in of_run if exited.parent_pid == first_pid and _gives(exited, code))
        return MainExit(exited=next(children, first), exit_code=code)
    return MainExit(exited=first, exit_code=code)


def is_first_process(end: ProcessExitedFact) -> bool | None:
    """
    Return whether a process was its container's main process, as its start shows; None where that does not show.

    It was if it had pid 1 in the container and no process of the container had started it. What an init starts is the
    main process if that is all the init starts.
    """
    if end.ancestors:
        return None if len(end.ancestors) == 1 and end.ancestors[0] in INIT_NAMES else False
    return end.namespace_pid == 1 if end.namespace_pid is not None else None


def _first_process(run: Run, ends: Sequence[ProcessExitedFact]) -> ProcessExitedFact | None:
    """
    Find the end of a container's first process: by its pid, where Docker was asked for it in time.

    Otherwise it is the only process that nobody in the container had started and that ended as the run did. It ended
    close to Docker's stamp, unless its start shows that it was the first.
    """
    if run.main_pid is not None:
        return next((end for end in ends if end.pid == run.main_pid and _may_end(end.at_ns, run.ended_ns)), None)
    code = run.reported_exit_code
    found = [
        end
        for end in ends
        if (_is_near(end.at_ns, run.ended_ns) or (is_first_process(end) and _may_end(end.at_ns, run.ended_ns)))
        and not end.ancestors
        and not (end.comm or "").startswith(_RUNTIME_HELPERS)
        and (code == LOST_TASK or _gives(end, code))
    ]
    return found[0] if len(found) == 1 else None


def _exit_code(reported: int | None, first: ProcessExitedFact | None) -> int | None:
    """
    Return the exit code of a run: what the kernel says of its first process, where Docker does not know.
    """
    if reported not in (None, LOST_TASK) or first is None or first.status is None:
        return reported
    return code_of(first.status)


def _may_end(at_ns: int, ended_ns: int | None) -> bool:
    """
    Return whether the end of a main process is that of its run: on a starved host Docker stamps it minutes later.
    """
    return ended_ns is None or -_EXIT_LEAD_NS <= ended_ns - at_ns <= START_LAG_NS


def _is_near(at_ns: int, ended_ns: int | None) -> bool:
    return ended_ns is None or -_EXIT_LEAD_NS <= ended_ns - at_ns <= _EXIT_LEAD_NS


def _gives(exited: ProcessExitedFact, exit_code: int | None) -> bool:
    """
    Return whether an init that ends as its child did has this exit code.
    """
    return exited.status is not None and exit_code is not None and code_of(exited.status) == exit_code


def code_of(status: WaitStatus) -> int | None:
    """
    Return the exit code that an engine reports for a wait status.
    """
    return _SIGNAL_BASE + status.signal if status.signal is not None else status.exit_code
