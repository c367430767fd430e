"""
Verdict rules: Docker itself went down.
"""

import pytest

from collector.correlate.verdict import decide
from sinks.event import Cause, Confidence
from tests.unit.collector.correlate.verdict.cases import before_end, case, sent

KILL, TERM = 9, 15


def test_a_daemon_that_shuts_down_stops_its_containers() -> None:
    """
    It looks like docker stop, but the daemon stopped answering at that moment.
    """
    verdict = decide(case(143, signals=(sent(TERM, 1),), engine_down_ns=before_end(-0.5)))
    assert (verdict.cause, verdict.confidence) == (Cause.DAEMON_SHUTDOWN, Confidence.LIKELY)
    assert verdict.evidence[-1].text == "the Docker daemon stopped answering"


def test_a_daemon_that_went_down_long_after_the_end_did_not_cause_it() -> None:
    """
    A shutdown of the daemon takes its containers within 20 seconds.
    """
    assert decide(case(143, signals=(sent(TERM, 1),), engine_down_ns=before_end(-21))).cause is Cause.DOCKER_KILL


@pytest.mark.parametrize("exit_code", [255, 137])
def test_what_ended_while_the_daemon_was_away_ended_with_it(exit_code: int) -> None:
    """
    Nobody saw the end: the daemon came back and found its task lost, or killed.
    """
    verdict = decide(
        case(exit_code, die_event_ns=None, engine_down_ns=before_end(10), engine_up_ns=before_end(-1)),
    )
    assert verdict.cause is Cause.DAEMON_SHUTDOWN


def test_what_ended_by_itself_while_the_daemon_was_away_did_so() -> None:
    """
    With live-restore a container goes on without its daemon.
    """
    lived_on = case(1, die_event_ns=None, engine_down_ns=before_end(10), engine_up_ns=before_end(-1))
    assert decide(lived_on).cause is Cause.APP_ERROR


def test_a_crash_while_the_daemon_was_away_is_a_crash() -> None:
    """
    No daemon sends SIGSEGV.
    """
    crashed = case(139, die_event_ns=None, engine_down_ns=before_end(10), engine_up_ns=before_end(-1))
    assert decide(crashed).cause is Cause.CRASH


def test_a_run_that_began_after_the_daemon_was_seen_to_go_shows_that_it_was_back() -> None:
    """
    It had only been slow to answer.
    """
    killed = case(137, began_ns=before_end(1), engine_down_ns=before_end(4), engine_up_ns=before_end(-4))
    assert decide(killed).cause is Cause.SIGNAL


def test_an_end_after_the_daemon_had_come_back_is_not_due_to_it() -> None:
    """
    Five seconds after its return the daemon has put in order what it found.
    """
    verdict = decide(case(137, engine_down_ns=before_end(30), engine_up_ns=before_end(6)))
    assert verdict.cause is Cause.SIGNAL


@pytest.mark.parametrize(("signal", "down_s"), [(KILL, 10), (TERM, 30)])
def test_a_signal_that_no_daemon_sends_as_it_shuts_down_shows_that_it_was_back(signal: int, down_s: float) -> None:
    """
    It begins with the stop signal, within 20 seconds; with live-restore somebody else killed the container later.
    """
    killed = case(128 + signal, signals=(sent(signal),), engine_down_ns=before_end(down_s), engine_up_ns=before_end(-7))
    assert decide(killed).cause is Cause.DOCKER_KILL


def test_a_daemon_that_shuts_down_may_send_its_signal_after_it_was_seen_to_go() -> None:
    """
    It closes its socket first.
    """
    stopped = case(143, signals=(sent(TERM, 1),), engine_down_ns=before_end(2), engine_up_ns=before_end(-7))
    assert decide(stopped).cause is Cause.DAEMON_SHUTDOWN
