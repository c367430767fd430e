"""
Verdict rules for Podman: what its events and the trace prove together, and what each of them does not.
"""

from typing import Any

import pytest

from collector.correlate.verdict import Case, decide
from collector.facts.observed import SignalFact
from parsers.cgroup_path import ContainerRef, Runtime
from parsers.engine import ContainerEngine, EngineName
from parsers.killers import Author
from parsers.unit_stops import UnitStopping
from sinks.event import Cause, Confidence
from tests.unit.collector.correlate.verdict.cases import (
    before_end,
    main_exit,
    oom_kill,
    sent,
    signal_from,
)
from tests.unit.collector.correlate.verdict.cases import case as docker_case

ROOTS = ContainerEngine(name=EngineName.PODMAN, version="5.4.2", uid=0)
USERS = ContainerEngine(name=EngineName.PODMAN, version="5.4.2", uid=1000)
KILLED = main_exit(signal=9)
KILL_SAID = sent(None)
CERTAIN, LIKELY, POSSIBLE = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE


def case(exit_code: int | None = 137, **known: Any) -> Case:  # noqa: ANN401 (any of the fields)
    """
    A run of root's Podman, whose trace was read; the last signal that was sent is the one that ended it.
    """
    usual: dict[str, Any] = {"engine": ROOTS, "is_traced": True, "is_sender_seen": True}
    signals = known.get("sent", ())
    if exit_code == 137 and signals:
        usual |= {"sender": signals[-1], "main_exit": KILLED}
    return docker_case(exit_code, **(usual | known))


def by_crun(signal: int = 9, seconds: float = 0.05, **fields: Any) -> SignalFact:  # noqa: ANN401 (any of the fields)
    """
    A signal that root's crun sent.
    """
    usual: dict[str, Any] = {"sender_comm": "crun", "sender_exe": "/usr/bin/crun", "signal": signal}
    return signal_from(700, seconds=seconds, unit="session-1.scope", **(usual | fields))


TERM_AND_KILL = (by_crun(15, 10.1), by_crun())


@pytest.mark.parametrize(
    ("ended", "cause", "confidence"),
    [
        (case(signals=(KILL_SAID,), sent=(by_crun(),)), Cause.DOCKER_KILL, CERTAIN),
        (case(signals=(KILL_SAID,), main_exit=KILLED), Cause.DOCKER_KILL, LIKELY),
        (case(0, signals=(KILL_SAID,), sent=(by_crun(15, 2),)), Cause.DOCKER_KILL, LIKELY),
        (case(signals=(KILL_SAID,), sent=TERM_AND_KILL), Cause.DOCKER_KILL, LIKELY),
        (case(sent=TERM_AND_KILL), Cause.DOCKER_STOP_TIMEOUT, LIKELY),
        (case(sent=TERM_AND_KILL, stop_ns=before_end(-0.1)), Cause.DOCKER_STOP_TIMEOUT, LIKELY),
        (
            case(sent=TERM_AND_KILL, stop_ns=before_end(-0.1), cleanup_ns=before_end(-0.2)),
            Cause.DOCKER_STOP_TIMEOUT,
            CERTAIN,
        ),
        (case(stop_ns=before_end(-0.1), main_exit=KILLED), Cause.DOCKER_STOP_TIMEOUT, LIKELY),
        (case(sent=(by_crun(),)), Cause.DOCKER_STOP_TIMEOUT, LIKELY),
        (case(0, sent=(by_crun(15, 2),)), Cause.DOCKER_STOP, LIKELY),
        (
            case(0, sent=(by_crun(15, 2),), stop_ns=before_end(-0.1), cleanup_ns=before_end(-0.2)),
            Cause.DOCKER_STOP,
            CERTAIN,
        ),
        (case(0, sent=(by_crun(15, 2),), stop_ns=before_end(0.1), restarted=True), Cause.DOCKER_STOP, CERTAIN),
        (case(0, stop_ns=before_end(-0.1), cleanup_ns=before_end(-0.2)), Cause.DOCKER_STOP, LIKELY),
        (case(sent=TERM_AND_KILL, destroy_ns=before_end(-0.3)), Cause.DOCKER_RM, LIKELY),
        (case(0, stop_ns=before_end(-0.1), destroy_ns=before_end(-0.3)), Cause.DOCKER_RM, LIKELY),
        (case(main_exit=KILLED, destroy_ns=before_end(-0.3)), Cause.DOCKER_RM, LIKELY),
        (case(0, stop_ns=before_end(-0.1), destroy_ns=before_end(-0.3), auto_remove=True), Cause.DOCKER_STOP, LIKELY),
        (case(signals=(KILL_SAID,), sent=(by_crun(),), auto_remove=True), Cause.DOCKER_KILL, LIKELY),
    ],
    ids=[
        "kill",
        "kill without the trace",
        "kill -s TERM, handled",
        "kill event, and more signals than it explains",
        "stop timeout without an event",
        "stop timeout, may become rm -f",
        "stop timeout, cleaned up after",
        "stop event and SIGKILL without the trace",
        "stop -t 0",
        "stop without an event",
        "stop, cleaned up after",
        "restart",
        "stop without the trace",
        "rm -f after its timeout",
        "rm -f within its timeout",
        "rm -f without the trace",
        "stop of a container with --rm",
        "kill of a container with --rm",
    ],
)
def test_each_command_has_its_cause(ended: Case, cause: Cause, confidence: Confidence) -> None:
    """
    The cause is certain only where the trace and Podman's events agree.
    """
    verdict = decide(ended)
    assert (verdict.cause, verdict.confidence) == (cause, confidence)


STOPPED_BY = (by_crun(15, 2),)


@pytest.mark.parametrize(
    ("ended", "cause", "confidence"),
    [
        (case(0, sent=STOPPED_BY, ended_command="stop"), Cause.DOCKER_STOP, CERTAIN),
        (case(0, sent=STOPPED_BY, ended_command="pod stop"), Cause.DOCKER_STOP, CERTAIN),
        (case(sent=TERM_AND_KILL, ended_command="stop"), Cause.DOCKER_STOP_TIMEOUT, CERTAIN),
        (
            case(0, sent=STOPPED_BY, ended_command="stop", destroy_ns=before_end(-1)),
            Cause.DOCKER_STOP,
            CERTAIN,
        ),
        (case(0, sent=STOPPED_BY, ended_command="rm", destroy_ns=before_end(-1)), Cause.DOCKER_RM, CERTAIN),
        (case(sent=TERM_AND_KILL, ended_command="rm", destroy_ns=before_end(-1)), Cause.DOCKER_RM, CERTAIN),
        (case(0, sent=STOPPED_BY, ended_command="container cleanup"), Cause.DOCKER_STOP, LIKELY),
        (case(0, sent=STOPPED_BY, ended_command="stop", signals=(KILL_SAID,)), Cause.DOCKER_KILL, LIKELY),
        (case(0, ended_command="stop"), Cause.EXIT, CERTAIN),
        (case(0, sent=STOPPED_BY, ended_command="stop", is_traced=False), Cause.DOCKER_STOP, CERTAIN),
        (
            case(0, sent=(by_crun(15, 2, sender_uid=1000),), ended_command="stop", engine=USERS),
            Cause.DOCKER_STOP,
            LIKELY,
        ),
    ],
    ids=[
        "stop",
        "pod stop",
        "stop after its timeout",
        "stop, and rm right after it",
        "rm -f",
        "rm -f after its timeout",
        "noted by the cleanup",
        "kill meanwhile",
        "no signal",
        "the signal alone was seen",
        "of a user",
    ],
)
def test_the_command_that_noted_the_end(ended: Case, cause: Cause, confidence: Confidence) -> None:
    """
    journald says which process wrote `died`, and the trace that the engine's runtime sent the signals.
    """
    verdict = decide(ended)
    assert (verdict.cause, verdict.confidence) == (cause, confidence)


def stopping(seconds: float = 3, doubt: str | None = None) -> UnitStopping:
    """
    What systemd wrote so long before the end.
    """
    author = Author(name="systemd", doubt=doubt)
    at_ns = before_end(seconds)
    return UnitStopping(unit="web.service", uid=0, at_ns=at_ns, author=author, text="Stopping web.service...")


OF_UNIT: dict[str, Any] = {"unit": "web.service", "unit_stop": stopping(), "destroy_ns": before_end(-1)}
BY_SYSTEMD = signal_from(1, seconds=0.05, sender_comm="systemd", sender_exe="/usr/lib/systemd/systemd")


@pytest.mark.parametrize(
    ("ended", "cause", "confidence"),
    [
        (case(0, sent=(by_crun(15, 2),), **OF_UNIT), Cause.DOCKER_STOP, CERTAIN),
        (case(sent=(by_crun(15, 2), by_crun()), **OF_UNIT), Cause.DOCKER_STOP_TIMEOUT, CERTAIN),
        (case(sent=(by_crun(15, 2), BY_SYSTEMD), **OF_UNIT), Cause.DOCKER_STOP_TIMEOUT, CERTAIN),
        (case(143, is_traced=False, main_exit=main_exit(signal=15), **OF_UNIT), Cause.DOCKER_STOP, CERTAIN),
        (case(is_traced=False, main_exit=KILLED, **OF_UNIT), Cause.DOCKER_STOP_TIMEOUT, LIKELY),
        (case(0, is_traced=False, main_exit=main_exit(exit_code=0), **OF_UNIT), Cause.DOCKER_STOP, LIKELY),
        (case(0, **OF_UNIT), Cause.EXIT, CERTAIN),
        (case(0, sent=(by_crun(15, 5),), **OF_UNIT | {"unit_stop": stopping(3)}), Cause.DOCKER_STOP, LIKELY),
        (case(0, sent=(by_crun(15, 2),), **OF_UNIT | {"unit_stop": stopping(doubt="")}), Cause.DOCKER_STOP, LIKELY),
        (case(kills=(oom_kill(),), main_exit=KILLED, **OF_UNIT), Cause.OOM_KILL, CERTAIN),
        (case(1, kills=(oom_kill(main=False),), is_traced=False, **OF_UNIT), Cause.OOM_KILL_CHILD, LIKELY),
        (case(139, main_exit=main_exit(signal=11), **OF_UNIT), Cause.CRASH, CERTAIN),
    ],
    ids=[
        "within the timeout",
        "after the timeout",
        "killed by systemd",
        "ended by the stop signal, without the trace",
        "SIGKILL without the trace",
        "exited without the trace",
        "exited without a signal",
        "asked before systemd's stop",
        "a manager in doubt",
        "OOM kill meanwhile",
        "OOM kill of a child meanwhile",
        "crash meanwhile",
    ],
)
def test_a_stop_of_its_unit(ended: Case, cause: Cause, confidence: Confidence) -> None:
    """
    Certain where systemd says so and the kernel saw the signal: two witnesses, neither of them Podman.
    """
    verdict = decide(ended)
    assert (verdict.cause, verdict.confidence) == (cause, confidence)


def test_a_kill_from_outside_while_its_unit_is_stopped() -> None:
    by_shell = by_crun(sender_comm="bash", sender_exe="/usr/bin/bash")
    verdict = decide(case(sent=(by_crun(15, 2), by_shell), **OF_UNIT))
    assert (verdict.cause, verdict.confidence) == (Cause.SIGNAL, CERTAIN)


def test_a_signal_of_another_program_is_no_command() -> None:
    """
    A kill by root's shell next to a container is a signal from outside, although root runs Podman too.
    """
    verdict = decide(case(sent=(by_crun(sender_comm="bash", sender_exe="/usr/bin/bash"),)))
    assert (verdict.cause, verdict.confidence) == (Cause.SIGNAL, CERTAIN)


@pytest.mark.parametrize("exe", [None, "/usr/bin/crun"])
def test_the_name_of_a_runtime_proves_nothing(exe: str | None) -> None:
    """
    A program that a user calls crun is a signal from outside, also while root uses Podman.
    """
    verdict = decide(case(signals=(KILL_SAID,), sent=(by_crun(sender_uid=1000, sender_exe=exe),)))
    assert (verdict.cause, verdict.confidence) == (Cause.SIGNAL, CERTAIN)


def test_a_runtime_that_was_gone_makes_a_command_possible() -> None:
    """
    Of a sender that ended before it could be read nothing but the name is known.
    """
    gone = by_crun(sender_placed=False, sender_uid=None, sender_exe=None)
    assert decide(case(sent=(gone,))).confidence is POSSIBLE


GONE: dict[str, Any] = {"sender_placed": False, "sender_uid": None, "sender_exe": None}


@pytest.mark.parametrize(
    ("ended", "cause"),
    [
        (case(0, sent=(by_crun(15, 2, **GONE),)), Cause.DOCKER_STOP),
        (case(sent=(by_crun(15, 3, **GONE), by_crun(9, **GONE))), Cause.DOCKER_STOP_TIMEOUT),
    ],
)
def test_a_stop_by_runtimes_that_were_gone_is_possible(ended: Case, cause: Cause) -> None:
    """
    Where runc is the runtime, nothing but its name is known of it.
    """
    verdict = decide(ended)
    assert (verdict.cause, verdict.confidence) == (cause, POSSIBLE)


def test_a_kill_from_outside_during_a_stop() -> None:
    """
    Somebody else did not wait for the timeout.
    """
    by_shell = by_crun(sender_comm="bash", sender_exe="/usr/bin/bash")
    verdict = decide(case(sent=(by_crun(15, 3), by_shell), stop_ns=before_end(-0.1), cleanup_ns=before_end(-0.2)))
    assert (verdict.cause, verdict.confidence) == (Cause.SIGNAL, CERTAIN)


def test_a_runtime_in_a_container_is_no_engine() -> None:
    """
    Root in a container may have a program of that name too.
    """
    inside = ContainerRef(runtime=Runtime.PODMAN, id="d" * 64)
    verdict = decide(case(signals=(KILL_SAID,), sent=(by_crun(sender_container=inside),)))
    assert verdict.cause is Cause.SIGNAL


@pytest.mark.parametrize(("traced", "confidence"), [(True, CERTAIN), (False, LIKELY)])
def test_an_exit_is_certain_only_with_the_trace(traced: bool, confidence: Confidence) -> None:
    """
    Podman has not always an event of a stop: without the trace a program that exits may have been asked to.
    """
    verdict = decide(case(0, is_traced=traced, main_exit=main_exit(exit_code=0)))
    assert (verdict.cause, verdict.confidence) == (Cause.EXIT, confidence)


def test_the_kernels_word_comes_first() -> None:
    """
    A main process that the OOM killer killed was not stopped, whatever was sent afterwards.
    """
    verdict = decide(case(kills=(oom_kill(),), stop_ns=before_end(-0.1), main_exit=KILLED))
    assert (verdict.cause, verdict.confidence) == (Cause.OOM_KILL, CERTAIN)


def test_a_crash_during_a_stop_is_a_crash() -> None:
    """
    A stop does not send SIGSEGV.
    """
    verdict = decide(case(139, stop_ns=before_end(-0.1), main_exit=main_exit(signal=11)))
    assert (verdict.cause, verdict.confidence) == (Cause.CRASH, CERTAIN)


@pytest.mark.parametrize(
    ("ended", "cause", "confidence"),
    [
        (case(signals=(KILL_SAID,), sent=(by_crun(sender_uid=1000),), engine=USERS), Cause.DOCKER_KILL, LIKELY),
        (case(3, engine=USERS, main_exit=main_exit(exit_code=3)), Cause.APP_ERROR, CERTAIN),
        (case(3, engine=USERS), Cause.APP_ERROR, LIKELY),
    ],
    ids=["command", "seen by the kernel", "said by the engine"],
)
def test_a_users_engine_alone_is_never_certain(ended: Case, cause: Cause, confidence: Confidence) -> None:
    """
    A user can make the own engine say anything; what the kernel saw is certain there too.
    """
    verdict = decide(ended)
    assert (verdict.cause, verdict.confidence) == (cause, confidence)
