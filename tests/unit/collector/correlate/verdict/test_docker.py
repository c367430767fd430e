"""
Verdict rules: somebody ended it through Docker.
"""

from typing import Any

import pytest

from collector.correlate.runs import SignalSent
from collector.correlate.verdict import decide
from sinks.event import Cause, Confidence
from tests.unit.collector.correlate.verdict.cases import before_end, case, main_exit, oom_kill, sent

HUP, QUIT, KILL, USR1, TERM = 1, 3, 9, 10, 15
JUST_AFTER = before_end(-0.1)


@pytest.mark.parametrize("exit_code", [0, 1, 143])
def test_whatever_code_an_end_within_the_grace_period_is_a_stop(exit_code: int) -> None:
    """
    The stop signal, the end, and Docker's `stop` event; programs end on SIGTERM in many ways.
    """
    verdict = decide(case(exit_code, signals=(sent(TERM, 2),), stop_ns=JUST_AFTER))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_STOP, Confidence.CERTAIN)
    assert [piece.text for piece in verdict.evidence] == ["kill signal=15", "stop"]


def test_an_end_by_the_sigkill_after_the_grace_period_is_a_timeout() -> None:
    """
    The program did not end on SIGTERM, and the sentence says how long it was given.
    """
    verdict = decide(case(137, signals=(sent(TERM, 10.05), sent(KILL)), stop_ns=JUST_AFTER))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_STOP_TIMEOUT, Confidence.CERTAIN)
    assert "SIGTERM within 10.0 s" in verdict.because


def test_an_end_on_the_stop_signal_as_the_time_was_up_is_no_timeout() -> None:
    """
    SIGKILL was sent, but the code says that the program had ended by itself.
    """
    assert decide(case(0, signals=(sent(TERM, 10), sent(KILL)), stop_ns=JUST_AFTER)).cause is Cause.DOCKER_STOP


def test_a_container_whose_stop_signal_is_sigkill_has_no_grace_period() -> None:
    """
    `--stop-signal=KILL`: the first signal is the last.
    """
    verdict = decide(case(137, stop_signal=KILL, signals=(sent(KILL, 5), sent(KILL)), stop_ns=JUST_AFTER))
    assert verdict.cause is Cause.DOCKER_STOP


def test_the_stop_signal_may_be_any() -> None:
    """
    nginx is stopped with SIGQUIT.
    """
    verdict = decide(case(0, stop_signal=QUIT, signals=(sent(QUIT, 1),), stop_ns=JUST_AFTER))
    assert verdict.cause is Cause.DOCKER_STOP
    assert "SIGQUIT" in verdict.because


def test_a_stop_is_a_stop_where_a_label_hides_its_signals() -> None:
    """
    `--label signal=1` takes the number from Docker's events, not that a signal was sent, nor `stop`.
    """
    verdict = decide(case(143, signals=(sent(None, 2),), stop_ns=JUST_AFTER))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_STOP, Confidence.LIKELY)
    verdict = decide(case(137, signals=(sent(None, 10.05), sent(None)), stop_ns=JUST_AFTER))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_STOP_TIMEOUT, Confidence.LIKELY)


def test_a_hidden_signal_alone_ended_nothing() -> None:
    """
    It may have asked for a reload.
    """
    assert decide(case(137, signals=(sent(None),))).cause is Cause.SIGNAL
    assert decide(case(1, signals=(sent(None),))).cause is Cause.APP_ERROR


def test_without_a_signal_there_was_no_stop() -> None:
    """
    A `stop` event alone comes also where the container had just ended by itself.
    """
    assert decide(case(1, stop_ns=JUST_AFTER)).cause is Cause.APP_ERROR


@pytest.mark.parametrize("seen", [{"being_removed": True}, {"destroy_ns": JUST_AFTER}])
def test_a_removal_by_force(seen: dict[str, Any]) -> None:
    """
    A removal by force is known by the container's state right after the end, long before `destroy`, or by that event.

    It is likely: docker kill and docker rm, one right after the other, look the same.
    """
    verdict = decide(case(137, signals=(sent(KILL),), **seen))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_RM, Confidence.LIKELY)


def test_a_removal_by_force_is_known_although_its_signal_is_stamped_late() -> None:
    """
    A busy engine stamps the signal of docker rm -f long after the end, which is a removal by force all the same.
    """
    late = sent(KILL, -2.0)
    assert decide(case(137, signals=(late,), being_removed=True)).cause is Cause.DOCKER_RM
    assert decide(case(137, signals=(late,))).cause is Cause.SIGNAL


def test_docker_kill_is_not_certain_while_destroy_can_still_come() -> None:
    """
    A SIGKILL is only likely to be docker kill's where nobody knows whether Docker is removing the container.
    """
    verdict = decide(case(137, signals=(sent(KILL),)))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_KILL, Confidence.LIKELY)


def test_docker_kill_and_a_removal_later_are_no_removal_by_force() -> None:
    """
    A container that Docker was not removing right after its end was killed, though it was removed soon after.
    """
    verdict = decide(case(137, signals=(sent(KILL),), being_removed=False, destroy_ns=JUST_AFTER))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_KILL, Confidence.CERTAIN)


def test_a_removal_by_force_is_likely_where_a_label_hides_its_signal() -> None:
    """
    The end, and `destroy` at once, fit no other.
    """
    verdict = decide(case(137, signals=(sent(None),), destroy_ns=JUST_AFTER))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_RM, Confidence.LIKELY)


def test_a_container_with_rm_is_destroyed_whoever_killed_it() -> None:
    """
    `--rm` removes after every end, so `destroy` and state prove nothing: docker kill is likely, not certain.
    """
    verdict = decide(case(137, auto_remove=True, being_removed=True, signals=(sent(KILL),), destroy_ns=JUST_AFTER))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_KILL, Confidence.LIKELY)


@pytest.mark.parametrize(("exit_code", "signal"), [(1, KILL), (143, TERM)])
def test_a_removal_by_force_ends_by_sigkill(exit_code: int, signal: int) -> None:
    """
    Another code or another signal is not docker rm -f, though the container was removed after it.
    """
    assert decide(case(exit_code, signals=(sent(signal),), destroy_ns=JUST_AFTER)).cause is not Cause.DOCKER_RM


@pytest.mark.parametrize(("exit_code", "signal"), [(137, KILL), (143, TERM), (129, HUP)])
def test_docker_kill_ended_it(exit_code: int, signal: int) -> None:
    """
    The exit code is that of the signal that was sent, a reload signal that nobody handled included.
    """
    verdict = decide(case(exit_code, signals=(sent(signal),), being_removed=False))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_KILL, Confidence.CERTAIN)


def test_a_program_that_handles_the_signal_ends_in_its_own_way() -> None:
    """
    SIGTERM, and exit 0 two seconds later: likely the one is due to the other.
    """
    verdict = decide(case(0, signals=(sent(TERM, 2),)))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_KILL, Confidence.LIKELY)


def test_an_end_long_after_a_signal_is_its_own() -> None:
    """
    After half a minute the program has other reasons.
    """
    assert decide(case(0, signals=(sent(TERM, 31),))).cause is Cause.EXIT


def test_a_sigkill_that_was_held_up_ended_it_after_all() -> None:
    """
    A process that waits in the kernel ends when the wait does: nothing takes a SIGKILL back.
    """
    verdict = decide(case(137, signals=(sent(TERM, 41), sent(KILL, 40))))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_KILL, Confidence.LIKELY)


def test_no_program_ends_in_its_own_way_on_sigkill() -> None:
    """
    It never sees that signal: exit code 1 was on its way when docker kill came.
    """
    assert decide(case(1, signals=(sent(KILL),))).cause is Cause.APP_ERROR


@pytest.mark.parametrize("signal", [HUP, USR1])
def test_a_signal_that_asks_for_a_reload_does_not_explain_an_exit(signal: int) -> None:
    """
    `docker kill -s HUP` makes a program read its configuration; that it failed a second later is an error of its own.
    """
    assert decide(case(1, signals=(sent(signal, 1),))).cause is Cause.APP_ERROR


def test_a_kill_event_after_the_end_proves_nothing() -> None:
    """
    Somebody killed what was dead already; Docker's stamp may lag, but not by more than a tenth of a second.
    """
    assert decide(case(137, signals=(sent(KILL, -0.2),))).cause is Cause.SIGNAL
    verdict = decide(case(137, signals=(sent(KILL, -0.09),)))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_KILL, Confidence.LIKELY)


def test_a_stamp_of_the_same_moment_is_no_kill_event_after_the_end() -> None:
    """
    A program dies of SIGKILL, or ends on SIGTERM, before Docker has looked at its clock.
    """
    verdict = decide(case(137, signals=(sent(KILL, -0.001),), being_removed=False))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_KILL, Confidence.CERTAIN)
    verdict = decide(case(0, signals=(sent(TERM, -0.001),), stop_ns=before_end(-0.1)))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_STOP, Confidence.CERTAIN)


@pytest.mark.parametrize(("exit_code", "cause"), [(3, Cause.APP_ERROR), (139, Cause.CRASH), (0, Cause.EXIT)])
def test_a_late_stamp_is_believed_only_of_the_signal_that_ended_it(exit_code: int, cause: Cause) -> None:
    """
    Who stops a container that is just ending by itself did not end it.
    """
    verdict = decide(case(exit_code, signals=(sent(TERM, -0.05),), stop_ns=before_end(-0.1)))
    assert verdict.cause is cause


@pytest.mark.parametrize("signals", [(sent(TERM, -0.05),), (sent(KILL, -0.05),), (sent(TERM, 2),)])
def test_docker_is_not_believed_over_a_kill_for_memory(signals: tuple[SignalSent, ...]) -> None:
    """
    It asked for an end with SIGTERM, or too late; the kernel killed a process of the container at that moment.
    """
    verdict = decide(case(137, kills=(oom_kill(0.02, main=None),), signals=signals, stop_ns=before_end(-0.1)))
    assert (verdict.cause, verdict.confidence) == (Cause.OOM_KILL, Confidence.POSSIBLE)


def test_a_stop_that_sent_no_sigkill_is_not_certain_of_one() -> None:
    """
    The program may have chosen the code, or somebody else killed it.
    """
    verdict = decide(case(137, signals=(sent(TERM, 2),), stop_ns=JUST_AFTER))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_STOP, Confidence.LIKELY)


@pytest.mark.parametrize(
    ("signal", "seconds", "expected"),
    [
        (TERM, 20, (Cause.DOCKER_KILL, Confidence.CERTAIN)),
        (TERM, 300, (Cause.DOCKER_KILL, Confidence.LIKELY)),
        (TERM, 3600, (Cause.SIGNAL, Confidence.LIKELY)),
        (HUP, 3000, (Cause.SIGNAL, Confidence.LIKELY)),
        (USR1, 60, (Cause.SIGNAL, Confidence.LIKELY)),
    ],
)
def test_a_signal_that_was_survived_did_not_end_it(
    signal: int, seconds: float, expected: tuple[Cause, Confidence]
) -> None:
    """
    A program may first send its users away, for some minutes; a reload long ago has no part in an end.
    """
    verdict = decide(case(128 + signal, signals=(sent(signal, seconds),)))
    assert (verdict.cause, verdict.confidence) == expected


def test_a_signal_that_does_not_fit_the_code_is_not_the_one() -> None:
    """
    SIGTERM through Docker, ended by SIGKILL: that came from elsewhere.
    """
    assert decide(case(137, signals=(sent(TERM, 1),))).cause is Cause.SIGNAL


def test_a_program_that_exits_with_128_and_more_on_a_signal_ended_on_it() -> None:
    """
    Its wait status says exit(143): shells do so on SIGTERM. The signal that was sent is likely why.
    """
    verdict = decide(case(143, signals=(sent(TERM, 1),), main_exit=main_exit(exit_code=143)))
    assert (verdict.cause, verdict.confidence) == (Cause.DOCKER_KILL, Confidence.LIKELY)
