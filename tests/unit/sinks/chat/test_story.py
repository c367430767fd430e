"""
The content of a message: which evidence, how often, which groups first.
"""

from typing import Any

import pytest

from sinks.base import Outgoing
from sinks.chat.card import Card, Tone
from sinks.chat.story import card_of
from sinks.errors import PermanentError
from sinks.event import Cause
from tests.unit.sinks.chat.documents import event
from tests.unit.sinks.chat.scenes import SCENES, leak

KMSG = {"source": "kmsg", "time": "2026-11-22T03:17:04.118203Z", "text": "Killed process 4123 (java)"}
TRACE = {"source": "trace", "text": "bash-27095 sig=9"}
KILL = {"source": "docker", "time": "2026-11-22T03:17:05.0Z", "text": "kill signal=9"}
DIE = {"source": "docker", "text": "die exitCode=137"}
STATE = {"source": "inspect", "text": "State.ExitCode=137"}


def lines(card: Card, heading: str | None = None) -> list[str]:
    return [line for section in card.sections if section.heading == heading for line in section.lines]


@pytest.mark.parametrize(
    ("cause", "evidence", "shown"),
    [
        (Cause.OOM_KILL, [KMSG, DIE, STATE], "kmsg, 03:17:04 UTC: Killed process 4123 (java)"),
        (Cause.SIGNAL, [DIE, KMSG, TRACE], "trace: bash-27095 sig=9"),
        (Cause.DOCKER_KILL, [TRACE, KILL, DIE, STATE], "docker, 03:17:05 UTC: kill signal=9, die exitCode=137"),
        (Cause.APP_ERROR, [DIE, STATE], "docker: die exitCode=137, State.ExitCode=137"),
    ],
)
def test_the_evidence_is_one_line_of_the_best_source(cause: Cause, evidence: list[dict[str, str]], shown: str) -> None:
    """
    If only Docker saw the end, or Docker caused it, all of Docker's entries are in that line.
    """
    assert lines(card_of([event(1, cause=cause, evidence=evidence)]), "Evidence") == [shown]


def test_what_is_unknown_has_no_section() -> None:
    """
    Without evidence, curve, advice and log lines, a message is the event's message and where it happened.
    """
    card = card_of([event(1)])
    assert [section.lines for section in card.sections] == [("m",)]
    assert card.where == "node-7 · api · 5f2c8e1d9b7a · exit137 explain api"


def test_an_event_without_a_sentence_has_its_title() -> None:
    """
    Chats reject empty messages, so the title stands in for a blank one.
    """
    card = card_of([event(1, message=" ")])
    assert lines(card) == [card.title]


@pytest.mark.parametrize(
    ("times", "expected"),
    [(None, []), (1, ["1st time in 24 hours"]), (3, ["3rd time in 24 hours"])],
)
def test_how_often_it_has_happened(times: int | None, expected: list[str]) -> None:
    """
    A message says how often its group occurred in 24 hours, if delivery has counted.
    """
    assert lines(card_of([event(1, times=times)]))[1:] == expected


def test_a_digest_says_how_often_when_and_in_how_many_containers() -> None:
    """
    A digest shows the message of its last event, the number of events, and when they happened.
    """
    message = [event(number, times=15, time=f"03:1{number}:04", message=f"m{number}") for number in range(3)]
    card = card_of(message)
    assert card.title.endswith(", 3 times")
    assert lines(card) == ["m2", "3 times, from 03:10:04 to 03:12:04 UTC · 15 times in 24 hours"]


def test_several_groups_are_a_line_each_the_worst_first() -> None:
    """
    Each line counts the events of its group, those of earlier messages included.
    """
    message = [
        event(1, "mild", severity=4, stuck={"state": "spinning"}),
        event(2, "often", times=9, stuck={"state": "killing"}),
        event(3, "often", times=9, stuck={"state": "killing"}),
        event(4, "once", times=1, stuck={"state": "unhealthy"}),
    ]
    card = card_of(message)
    assert lines(card) == [
        "• api keeps losing processes to the OOM killer, 2 times; 9 in 24 hours",
        "• api has been unhealthy since an OOM kill",
        "• api has been using all its CPU since an OOM kill",
    ]
    assert card.tone is Tone.BAD


def test_many_groups_are_cut_and_counted() -> None:
    """
    An overview has 15 lines, and says how many groups and events it leaves out.
    """
    message = [event(number, str(number % 40)) for number in range(60)]
    found = lines(card_of(message))
    assert len(found) == 16
    assert found[-1] == "and 25 more groups with 30 events"


def test_only_the_last_log_lines_and_the_first_steps_are_shown() -> None:
    """
    A message has 10 log lines and 3 pieces of advice; missing log lines have their reason.
    """
    logs, advice = [f"line {number}" for number in range(50)], [{"text": f"step {number}"} for number in range(5)]
    card = card_of([event(1, logs=logs, advice=advice)])
    assert lines(card, "Last log lines") == logs[-10:]
    assert lines(card, "Advice") == ["• step 0", "• step 1", "• step 2"]
    missing = card_of([event(1, logs=[], logs_missing="The log driver keeps none.")])
    assert lines(missing)[1:] == ["No log lines: The log driver keeps none."]


@pytest.mark.parametrize(
    ("fields", "tone"),
    [
        ({"severity": 6}, Tone.BAD),
        ({"severity": 5}, Tone.BAD),
        ({"severity": 4}, Tone.WARNING),
        ({"severity": 2}, Tone.QUIET),
        ({"severity": 2, "pressure": {"kind": "limit", "level": "resolved"}}, Tone.GOOD),
        ({"severity": 2, "stuck": {"state": "killing", "resolved": True}}, Tone.GOOD),
        ({"severity": 2, "gap": {"source": "kmsg", "what": "source_up"}}, Tone.GOOD),
    ],
)
def test_the_tone_is_that_of_the_event(fields: dict[str, Any], tone: Tone) -> None:
    """
    The tone follows the severity; a problem that is over is good news.
    """
    assert card_of([event(1, **fields)]).tone is tone


def test_a_limit_far_above_does_not_flatten_the_curve() -> None:
    """
    The scale ends at the peak if the limit is far above.
    """
    series = {"seconds": [-10.0, 0.0], "bytes": [1 << 20, 4 << 20]}
    card = card_of([event(1, memory={"limit_bytes": 1 << 40, "series": series})])
    assert lines(card, "Memory") == ["▃" * 23 + "█", "1 MiB to 4 MiB in 10 s, limit 1 TiB"]


def test_without_a_curve_there_is_the_peak() -> None:
    """
    A message without a curve shows the peak, if that is known.
    """
    assert lines(card_of([event(1, memory={"peak_bytes": 4 << 20})]), "Memory") == ["peak 4 MiB"]
    assert lines(card_of([event(1, memory={"limit_bytes": 4 << 20})]), "Memory") == []


def test_a_name_that_a_shell_would_interpret_is_not_put_behind_a_command() -> None:
    """
    The command has the container's id instead.
    """
    card = card_of([event(1, container={"id": "5f2c8e1d9b7a4c3e", "name": "a; rm -rf ~"})])
    assert card.where.endswith("exit137 explain 5f2c8e1d9b7a")


def test_what_is_not_an_event_fails_permanently() -> None:
    """
    A retry would not help, so the event becomes a dead letter.
    """
    with pytest.raises(PermanentError):
        card_of([Outgoing(id="e", type="t", key="k", body=b'{"data": 7}')])


def test_the_same_events_give_the_same_card() -> None:
    """
    A card depends on its events only: neither on a clock nor on chance.
    """
    assert card_of(leak()) == card_of(leak())
    assert len({card_of(scene()).title for scene in SCENES.values()}) == len(SCENES)
