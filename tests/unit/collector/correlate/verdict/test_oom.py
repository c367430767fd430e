"""
Verdict rules: an OOM killer had a part in the end.
"""

from dataclasses import replace

import pytest

from collector.correlate.verdict import decide
from sinks.event import Cause, Confidence, Scope
from tests.unit.collector.correlate.verdict.cases import CHILD_PID, before_end, case, main_exit, oom_kill, sent


def test_a_main_process_that_the_kernel_killed_is_certain() -> None:
    """
    The kernel named the pid that Docker had named as the main process; nothing that may still come changes that.
    """
    verdict = decide(case(kills=(oom_kill(),)))
    assert (verdict.cause, verdict.confidence, verdict.final) == (Cause.OOM_KILL, Confidence.CERTAIN, True)
    assert verdict.scope is Scope.CONTAINER
    assert "Killed process 4000" in verdict.evidence[0].text


def test_a_main_process_that_was_found_by_order_is_only_likely() -> None:
    """
    Where nobody asked Docker for the pid in time, the first row of the kernel's table serves, but proves less.
    """
    verdict = decide(case(kills=(oom_kill(),), main_pid=None))
    assert (verdict.cause, verdict.confidence) == (Cause.OOM_KILL, Confidence.LIKELY)


@pytest.mark.parametrize("flag", [True, False, None])
def test_the_flag_changes_nothing_where_the_kernel_killed(flag: bool | None) -> None:
    """
    State.OOMKilled is false for some main processes that were killed.
    """
    assert decide(case(kills=(oom_kill(),), oom_killed_flag=flag)).cause is Cause.OOM_KILL


@pytest.mark.parametrize(("exit_code", "cause"), [(0, Cause.EXIT), (1, Cause.APP_ERROR), (139, Cause.CRASH)])
def test_the_flag_alone_proves_nothing(exit_code: int, cause: Cause) -> None:
    """
    It is true also when a child was killed an hour ago, and it is kept from run to run.
    """
    assert decide(case(exit_code, oom_killed_flag=True)).cause is cause


def test_flag_and_exit_code_together_prove_nothing() -> None:
    """
    A stale flag and a SIGKILL from outside give the same picture as an OOM kill.
    """
    verdict = decide(case(137, oom_killed_flag=True))
    assert (verdict.cause, verdict.confidence) == (Cause.SIGNAL, Confidence.POSSIBLE)


def test_a_kill_event_of_docker_does_not_outweigh_the_kernel() -> None:
    """
    Somebody may well have sent a signal to a container that was out of memory.
    """
    assert decide(case(kills=(oom_kill(0.2),), signals=(sent(9, 0.1),))).cause is Cause.OOM_KILL


def test_a_kill_after_the_end_is_not_its_cause() -> None:
    """
    The clocks of kernel and Docker differ by less than a second; what is later belongs to something else.
    """
    assert decide(case(kills=(oom_kill(-1.5),))).cause is not Cause.OOM_KILL
    assert decide(case(kills=(oom_kill(-0.9),))).cause is Cause.OOM_KILL


def test_a_main_process_that_was_killed_cannot_have_exited() -> None:
    """
    A code of its own says that the victim was another process, as the one that an init of the image runs.
    """
    assert decide(case(3, kills=(oom_kill(),))).cause is Cause.OOM_KILL_CHILD


def test_a_main_process_whose_task_docker_lost_was_killed_all_the_same() -> None:
    """
    255 says only that the daemon does not know how it ended.
    """
    assert decide(case(255, kills=(oom_kill(),))).cause is Cause.OOM_KILL


def test_an_exit_code_that_a_label_forged_does_not_hide_a_kill() -> None:
    """
    Without inspect the exit code is unknown then; the kernel's line is enough.
    """
    assert decide(case(None, kills=(oom_kill(),))).cause is Cause.OOM_KILL


def test_a_process_of_unknown_role_killed_right_before_a_sigkill_is_possible() -> None:
    """
    It may have been the main process.
    """
    verdict = decide(case(kills=(oom_kill(0.1, main=None),)))
    assert (verdict.cause, verdict.confidence) == (Cause.OOM_KILL, Confidence.POSSIBLE)
    assert not verdict.final


def test_a_process_of_unknown_role_killed_long_ago_explains_no_sigkill() -> None:
    """
    A worker that died half a minute before proves nothing about the end.
    """
    assert decide(case(kills=(oom_kill(31, main=None),))).cause is Cause.SIGNAL


def test_docker_kill_explains_better_than_a_process_of_unknown_role() -> None:
    """
    The SIGKILL that ended it was sent through Docker.
    """
    assert decide(case(kills=(oom_kill(2, main=None),), signals=(sent(9),))).cause is Cause.DOCKER_KILL


@pytest.mark.parametrize(
    ("seconds", "confidence"), [(0.05, Confidence.LIKELY), (4.9, Confidence.LIKELY), (20, Confidence.POSSIBLE)]
)
def test_a_child_whose_death_soon_ended_the_main_process(seconds: float, confidence: Confidence) -> None:
    """
    The sooner, the likelier.
    """
    verdict = decide(case(1, kills=(oom_kill(seconds, main=False),)))
    assert (verdict.cause, verdict.confidence) == (Cause.OOM_KILL_CHILD, confidence)
    assert f"(pid {CHILD_PID})" in verdict.because


def test_an_end_that_docker_stamps_late_is_still_that_of_the_child() -> None:
    """
    The kernel shows that the main process ended half a second after its child was killed; on a starved host Docker
    stamps the end a minute later.
    """
    ended = replace(main_exit(exit_code=1), at_ns=before_end(56))
    verdict = decide(case(1, kills=(oom_kill(56.5, main=False),), main_exit=ended))
    assert (verdict.cause, verdict.confidence) == (Cause.OOM_KILL_CHILD, Confidence.LIKELY)


def test_a_child_killed_long_before_has_nothing_to_do_with_the_end() -> None:
    """
    The container had survived it.
    """
    assert decide(case(1, kills=(oom_kill(31, main=False),))).cause is Cause.APP_ERROR


def test_a_main_process_that_ended_well_did_not_fail_for_its_child() -> None:
    """
    Exit code 0 says that it was done.
    """
    assert decide(case(0, kills=(oom_kill(main=False),))).cause is Cause.EXIT


def test_the_latest_of_several_children_is_the_one_that_is_named() -> None:
    """
    What came last before the end explains it best.
    """
    verdict = decide(case(1, kills=(oom_kill(20, main=False), oom_kill(0.5, main=False, scope=Scope.HOST))))
    assert (verdict.confidence, verdict.scope) == (Confidence.LIKELY, Scope.HOST)


def test_docker_stop_explains_better_than_a_child_that_was_killed() -> None:
    """
    A container that loses workers may well be stopped by a person.
    """
    verdict = decide(case(143, kills=(oom_kill(3, main=False),), signals=(sent(15),), stop_ns=before_end(-0.1)))
    assert verdict.cause is Cause.DOCKER_STOP


@pytest.mark.parametrize(("kernel_log", "confidence"), [(True, Confidence.POSSIBLE), (False, Confidence.LIKELY)])
def test_docker_may_have_seen_an_oom_that_the_kernel_log_does_not_show(
    kernel_log: bool, confidence: Confidence
) -> None:
    """
    It counts for more where the kernel's log could not be read at all.
    """
    verdict = decide(case(oom_events_ns=(before_end(-0.2),), kernel_log=kernel_log))
    assert (verdict.cause, verdict.confidence) == (Cause.OOM_KILL, confidence)


def test_an_oom_that_docker_saw_earlier_in_the_run_explains_nothing() -> None:
    """
    Docker logs `oom` for a child as well.
    """
    assert decide(case(oom_events_ns=(before_end(60),))).cause is Cause.SIGNAL


def test_an_oom_that_docker_saw_explains_no_other_code() -> None:
    """
    The kernel's killer leaves 137 and no other.
    """
    assert decide(case(1, oom_events_ns=(before_end(0),))).cause is Cause.APP_ERROR


def test_a_program_that_called_exit_137_was_killed_by_nobody() -> None:
    """
    Its wait status tells it from a SIGKILL, whatever Docker reported at that moment.
    """
    verdict = decide(case(137, main_exit=main_exit(exit_code=137), oom_events_ns=(before_end(0),)))
    assert (verdict.cause, verdict.confidence) == (Cause.APP_ERROR, Confidence.CERTAIN)


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (Scope.CONTAINER, "at the container's own memory limit"),
        (Scope.PARENT, "of a cgroup above the container"),
        (Scope.HOST, "because the host ran out of memory"),
    ],
)
def test_the_sentence_says_whose_memory_ran_out(scope: Scope, words: str) -> None:
    """
    The remedy depends on it.
    """
    verdict = decide(case(kills=(oom_kill(scope=scope),)))
    assert words in verdict.because
    assert verdict.scope is scope
