"""
Verdict rules: a program of user space killed the container to free memory, if that is plausible.
"""

import pytest

from collector.correlate.verdict import decide
from parsers.killers import NOBODY_KNOWN, Author
from sinks.event import Cause, Confidence, Killer, Scope
from tests.unit.collector.correlate.verdict.cases import (
    KILLER_PID,
    case,
    main_exit,
    oom_kill,
    program_kill,
    sent,
    signal_from,
)

OF_A_USER = Author(name="systemd of user 1000", pid=900, within="/user.slice/x", doubt="A user can forge it.")
BY_SIGKILL = main_exit(signal=9)


@pytest.mark.parametrize("killer", [Killer.SYSTEMD_OOMD, Killer.EARLYOOM, Killer.OOMD])
def test_a_program_and_the_kernel_are_two_witnesses(killer: Killer) -> None:
    """
    A kill is certain if journald vouches for the program and the kernel saw the end by SIGKILL.
    """
    verdict = decide(case(kills=(program_kill(1, killer),), main_exit=BY_SIGKILL))
    assert (verdict.cause, verdict.confidence) == (Cause.USER_SPACE_OOM, Confidence.CERTAIN)
    assert verdict.scope is Scope.HOST
    assert killer.value in verdict.because


@pytest.mark.parametrize(("pid", "unit"), [(KILLER_PID, None), (99, "systemd-oomd.service")])
def test_the_trace_is_a_second_witness(pid: int, unit: str | None) -> None:
    """
    A kill is certain if the trace names the program that reported it, by pid or by unit.
    """
    verdict = decide(case(kills=(program_kill(1, Killer.SYSTEMD_OOMD),), sender=signal_from(pid, unit=unit)))
    assert (verdict.cause, verdict.confidence) == (Cause.USER_SPACE_OOM, Confidence.CERTAIN)


def test_the_word_of_a_program_alone_is_only_likely() -> None:
    """
    Exit code 137 is no second witness: a program may return it.
    """
    verdict = decide(case(137, kills=(program_kill(),)))
    assert (verdict.cause, verdict.confidence) == (Cause.USER_SPACE_OOM, Confidence.LIKELY)


@pytest.mark.parametrize("author", [OF_A_USER, NOBODY_KNOWN])
def test_a_program_in_doubt_is_only_possible(author: Author) -> None:
    """
    What a user can forge is never more than possible, although the main process did end by SIGKILL; it is said why.
    """
    verdict = decide(case(kills=(program_kill(author=author),), main_exit=BY_SIGKILL))
    assert (verdict.cause, verdict.confidence) == (Cause.USER_SPACE_OOM, Confidence.POSSIBLE)
    assert author.doubt in [evidence.text for evidence in verdict.evidence]


def test_the_trace_raises_a_program_in_doubt_to_likely() -> None:
    """
    The process that wrote the line is the one that sent the signal; who it is stays unproven.
    """
    author = Author(name="systemd", pid=KILLER_PID, doubt="unproven")
    verdict = decide(case(kills=(program_kill(author=author),), sender=signal_from(KILLER_PID)))
    assert (verdict.cause, verdict.confidence) == (Cause.USER_SPACE_OOM, Confidence.LIKELY)


@pytest.mark.parametrize(
    ("exit_code", "ended", "cause"),
    [
        (3, None, Cause.APP_ERROR),
        (0, None, Cause.EXIT),
        (139, None, Cause.CRASH),
        (143, None, Cause.SIGNAL),
        (137, main_exit(exit_code=137), Cause.APP_ERROR),
        (137, main_exit(signal=11), Cause.CRASH),
    ],
    ids=["code 3", "code 0", "SIGSEGV", "SIGTERM", "exit(137)", "wait status"],
)
def test_an_end_that_sigkill_cannot_give_is_no_kill(exit_code: int, ended: object, cause: Cause) -> None:
    """
    A program's SIGKILL is not the cause of an end with a code, or by another signal.
    """
    assert decide(case(exit_code, kills=(program_kill(),), main_exit=ended)).cause is cause


@pytest.mark.parametrize(("exit_code", "words"), [(143, "killed"), (137, "killed"), (3, "exited with code 3")])
def test_sigterm_may_end_a_program_in_three_ways(exit_code: int, words: str) -> None:
    """
    earlyoom sends SIGTERM first: the program ends by it, by the SIGKILL that follows, or with a code of its own.
    """
    verdict = decide(case(exit_code, kills=(program_kill(signal="SIGTERM"),)))
    assert (verdict.cause, verdict.confidence) == (Cause.USER_SPACE_OOM, Confidence.LIKELY)
    assert words in verdict.because


def test_a_process_of_unknown_role_needs_a_fitting_end() -> None:
    """
    A process that may have been a child explains an end by SIGTERM, not an end with a code of its own.
    """
    unplaced = program_kill(main=None, signal="SIGTERM")
    assert decide(case(143, kills=(unplaced,))).cause is Cause.USER_SPACE_OOM
    assert decide(case(1, kills=(unplaced,))).cause is Cause.APP_ERROR


def test_a_signal_that_another_process_sent_is_the_cause() -> None:
    """
    A SIGKILL that the trace saw from somebody else ended the run, whatever a program says.
    """
    verdict = decide(case(kills=(program_kill(),), main_exit=BY_SIGKILL, sender=signal_from(27095)))
    assert verdict.cause is Cause.SIGNAL


@pytest.mark.parametrize(("signals", "cause"), [((sent(9),), Cause.DOCKER_KILL), ((sent(15),), Cause.USER_SPACE_OOM)])
def test_a_signal_of_docker_is_the_cause_if_it_is_the_one(signals: tuple[object, ...], cause: Cause) -> None:
    """
    A SIGKILL sent through Docker ended the run, whatever a program says; a SIGTERM before did not.
    """
    assert decide(case(kills=(program_kill(),), main_exit=BY_SIGKILL, signals=signals)).cause is cause


def test_docker_kill_is_not_certain_where_a_program_killed_too() -> None:
    """
    Docker's SIGKILL and that of a program for which journald vouches look the same at the end.
    """
    assert decide(case(kills=(program_kill(),), signals=(sent(9),))).confidence is Confidence.LIKELY


def test_a_child_killed_by_a_program_is_not_the_end_of_the_main_process() -> None:
    """
    earlyoom killed one process; an end of the container by a signal a second later has another cause.
    """
    assert decide(case(kills=(program_kill(1, main=False),))).cause is not Cause.USER_SPACE_OOM


def test_a_kill_by_a_program_long_ago_explains_nothing() -> None:
    """
    A kill more than half a minute before the end is not its cause.
    """
    assert decide(case(kills=(program_kill(31),))).cause is Cause.SIGNAL


@pytest.mark.parametrize("killed_s", [0.3, 0.5])
def test_a_process_that_was_dying_already_was_not_killed_by_the_kernel(killed_s: float) -> None:
    """
    A SIGKILL that somebody sent well before the kernel's kill is the cause of the end.
    """
    by_docker = case(kills=(oom_kill(killed_s),), signals=(sent(9, killed_s + 0.1),))
    assert decide(by_docker).cause is Cause.DOCKER_KILL
    by_process = case(kills=(oom_kill(killed_s),), sender=signal_from(27095, seconds=killed_s + 0.1))
    assert decide(by_process).cause is not Cause.OOM_KILL


def test_a_kill_of_the_kernel_long_before_the_end_is_not_its_cause() -> None:
    """
    A run that went on for minutes did not end because of a kill of its main process.
    """
    assert decide(case(kills=(oom_kill(300),))).cause is not Cause.OOM_KILL
