"""
Which verdicts are complete before their deadline, once the sources have been read past the end.
"""

from typing import Any

import pytest

from collector.correlate.verdict import Case, decide
from collector.correlate.verdict.settling import open_until_ns
from sinks.event import Cause
from tests.unit.collector.correlate.verdict.cases import ENDED_NS, before_end, case, main_exit, oom_kill, sent

KILL, TERM = 9, 15
MS = 1_000_000
JUST_AFTER = before_end(-0.1)
KILLED_BY_DOCKER: dict[str, Any] = {"main_exit": main_exit(signal=KILL), "signals": (sent(KILL),)}


def lags_ms(ended: Case) -> dict[str, int] | None:
    """
    Return how many milliseconds past the end each source must have been read; None: the deadline decides.
    """
    found = open_until_ns(ended, decide(ended))
    return {source: lag_ns // MS for source, lag_ns in found.items()} if found is not None else None


def test_a_program_that_failed_waits_for_the_line_of_a_program_that_kills() -> None:
    """
    earlyoom and nohang send SIGTERM, on which it may have exited with its code.
    """
    failed = case(1, main_exit=main_exit(exit_code=1))
    assert decide(failed).cause is Cause.APP_ERROR
    assert lags_ms(failed) == {"kmsg": 0, "journald": 500, "processes": 0, "trace": 0, "docker": 20}


def test_an_end_after_the_kill_of_a_child_waits_for_no_such_line() -> None:
    """
    The kernel's kill explains the end, and is never certain as its cause.
    """
    lost_child = case(3, main_exit=main_exit(exit_code=3), kills=(oom_kill(main=False),))
    assert decide(lost_child).cause is Cause.OOM_KILL_CHILD
    assert lags_ms(lost_child) == {"kmsg": 0, "journald": 0, "processes": 0, "trace": 0, "docker": 20}


def test_the_end_of_the_main_process_may_be_handed_over_later() -> None:
    """
    Its container was not known when it ended.
    """
    assert (lags_ms(case(1)) or {})["processes"] == 100


@pytest.mark.parametrize(
    "ended",
    [case(**KILLED_BY_DOCKER, being_removed=False), case(**KILLED_BY_DOCKER, auto_remove=True)],
    ids=["kept", "with --rm"],
)
def test_a_single_sigkill_through_docker_is_no_stop(ended: Case) -> None:
    """
    `docker stop` sends the stop signal first, and `docker rm -f` marks the container before.
    """
    assert decide(ended).cause is Cause.DOCKER_KILL
    assert (lags_ms(ended) or {})["journald"] == 0


@pytest.mark.parametrize(
    "ended",
    [
        case(**KILLED_BY_DOCKER),
        case(**KILLED_BY_DOCKER, being_removed=False, stop_signal=KILL),
        case(main_exit=main_exit(signal=KILL), signals=(sent(TERM, 10), sent(KILL)), being_removed=False),
        case(143, main_exit=main_exit(signal=TERM), signals=(sent(TERM),), being_removed=False),
        case(1, main_exit=main_exit(exit_code=1), signals=(sent(TERM),)),
        case(0, main_exit=main_exit(exit_code=0), signals=(sent(TERM),)),
    ],
    ids=["may be rm -f", "stop signal is SIGKILL", "two signals", "SIGTERM", "SIGTERM and a code", "SIGTERM and 0"],
)
def test_what_may_be_a_stop_waits_for_the_stop_event(ended: Case) -> None:
    """
    Docker's `stop` and `destroy` may come after `die`.
    """
    assert lags_ms(ended) is None


@pytest.mark.parametrize(
    "ended",
    [case(137), case(137, main_exit=main_exit(signal=KILL)), case(139, main_exit=main_exit(signal=11))],
    ids=["only the code", "SIGKILL", "SIGSEGV"],
)
def test_an_end_by_an_unexplained_signal_waits_for_its_explanation(ended: Case) -> None:
    """
    Docker's `oom` may come a second later, and the kernel's line about a crash has to be attributed.
    """
    assert lags_ms(ended) is None


@pytest.mark.parametrize(
    "known",
    [{"die_event_ns": None}, {"engine_down_ns": ENDED_NS}, {"rebooted": True}, {"stop_ns": JUST_AFTER}],
    ids=["no `die`", "the daemon was down", "another boot", "`stop` without a signal"],
)
def test_an_end_that_docker_did_not_see_in_order_waits(known: dict[str, Any]) -> None:
    """
    Only an engine that runs and has logged `die` has logged all signals before it.
    """
    assert lags_ms(case(1, main_exit=main_exit(exit_code=1), **known)) is None


@pytest.mark.parametrize("ended", [case(255), case(1, reported_exit_code=2)], ids=["lost task", "disputed"])
def test_a_code_that_docker_may_not_know_waits(ended: Case) -> None:
    """
    Docker writes 255 where it lost the task.
    """
    assert lags_ms(ended) is None
