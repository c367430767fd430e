"""
Deaths that were published before the agent was restarted, whose ends are read again.
"""

from collector.facts.observed import Fact
from collector.facts.restored import RestoredRunFact
from collector.pipeline.restore import deaths, kills
from collector.store import PastEvent
from sinks.event import Cause, Event, to_json
from tests.unit.collector.correlate.scene import (
    BOOT_ID,
    CREATE,
    DIE,
    MAIN_PID,
    START,
    VERDICT_WAIT_S,
    A,
    Scene,
    causes,
    docker,
    ended,
    ns,
    report,
    started,
)

# On a starved host Docker stamps the start long after the process runs, and answers an inspection minutes later.
STARTED_S, START_STAMPED_S, FINISHED_S, DIE_STAMPED_S = 0.0, 8.0, 20.0, 25.0
LATER_S = 120.0


def stream(*, code: int = 3) -> list[Fact]:
    return [
        docker(CREATE, STARTED_S - 1),
        docker(START, START_STAMPED_S),
        docker(DIE, DIE_STAMPED_S, exit_code=code),
    ]


def inspection() -> Fact:
    return ended(started_s=STARTED_S, finished_s=FINISHED_S, exit_code=3)


def past(event: Event) -> PastEvent:
    return PastEvent(
        seq=1,
        id=event.id,
        type=event.type,
        subject="",
        container_id=A,
        time_ns=event.time_ns or 0,
        body=to_json(event),
    )


def published(*facts: Fact) -> list[Fact]:
    """
    The death that an agent published from these facts, as the next agent finds it in the store.
    """
    scene = Scene()
    scene.feed(*facts, at_s=DIE_STAMPED_S)
    (event,) = scene.wait(LATER_S)
    return [*deaths([past(event)])]


def published_again(restored: list[Fact], *facts: Fact) -> list[Cause | None]:
    scene = Scene()
    events = scene.feed(*restored, *facts, at_s=LATER_S)
    return causes(events + scene.wait(LATER_S))


def test_a_death_is_not_published_again_once_docker_gives_another_start() -> None:
    """
    The first agent had only Docker's events; the second learns from an inspection that the run began earlier.
    """
    assert published_again(published(*stream()), *stream(), inspection()) == []


def test_a_death_is_not_published_again_if_docker_does_not_know_the_container_any_more() -> None:
    """
    The first agent had an inspection; the second has only Docker's events.
    """
    assert published_again(published(*stream(), inspection()), *stream()) == []


def test_a_death_is_not_published_again_if_only_a_comparison_shows_its_end() -> None:
    """
    The first agent had an inspection; the second has no event, and finds the end by comparing.
    """
    start = docker(START, START_STAMPED_S)
    assert published_again(published(*stream(), inspection()), start, inspection()) == []


def test_the_death_of_the_next_run_is_published() -> None:
    """
    A death that is known hides only the run that it is about.
    """
    next_run = [docker(START, 30), docker(DIE, 40, exit_code=4)]
    assert published_again(published(*stream(), inspection()), *stream(), *next_run) == [Cause.APP_ERROR]


def test_a_kill_in_the_run_before_explains_nothing_of_a_run_that_is_restored() -> None:
    """
    A container that was OOM-killed runs again when the agent is restarted; then it is killed from outside.
    """
    first = started()
    facts = [*report(MAIN_PID, A, at_s=9.9), docker(DIE, 10, exit_code=137), ended(finished_s=10, exit_code=137)]
    kill, died = [*first.feed(*facts, at_s=10), *first.wait(VERDICT_WAIT_S)]
    again = RestoredRunFact(
        container_id=A, name="box-a", image=None, boot_id=BOOT_ID, started_at_ns=ns(11), main_pid=MAIN_PID + 9
    )
    restored = [*kills(past(kill)), *deaths([past(died)]), again]
    end = [docker(DIE, 30, exit_code=137), ended(started_s=11, finished_s=30, exit_code=137)]
    assert published_again(restored, *end) == [Cause.SIGNAL]
