"""
Whether everything that has happened to a container by a moment is known.
"""

import pytest

from collector.analyzer import Analyzer
from collector.correlate.standing import Awaited, ContainerState, Question
from collector.facts.watermark import WatermarkFact
from tests.unit.collector.correlate.scene import (
    CREATE,
    DESTROY,
    DIE,
    MAIN_PID,
    START,
    THIS_HOST,
    A,
    B,
    docker,
    ended,
    exited,
    line,
    ns,
    running,
)


def read(source: str, until_s: float) -> WatermarkFact:
    """
    Return that a source has been read until a moment.
    """
    return WatermarkFact(source=source, read_until_ns=ns(until_s))


def analyzer(*facts: object) -> Analyzer:
    """
    Return an analyzer that was fed with facts, at the tenth second.
    """
    found = Analyzer(THIS_HOST)
    for fact in facts:
        found.feed(fact, ns(10))
    return found


def awaited(found: Analyzer, container: str = A, at_s: float = 10) -> tuple[str, ...]:
    """
    Return what is awaited of a container.
    """
    return found.standing(Question(container=container), ns(at_s)).awaited


def test_each_source_must_have_been_read_past_the_moment() -> None:
    """
    A source that states no watermark is not waited for.
    """
    found = analyzer(docker(START, 1, A), read("kmsg", 9), read("docker", 9.5))
    assert awaited(found) == ("kmsg", "docker")
    found.feed(read("kmsg", 10), ns(10))
    found.feed(read("docker", 11), ns(10))
    assert awaited(found) == ()
    assert awaited(found, "nobody") == ()


def test_a_run_that_has_ended_awaits_its_verdict() -> None:
    """
    The verdict comes with the inspection after the end.
    """
    found = analyzer(docker(START, 1, A), running(A, 1), docker(DIE, 5, A, exit_code=1))
    assert awaited(found) == (Awaited.VERDICT,)
    found.feed(ended(A, started_s=1, finished_s=5, exit_code=1), ns(10))
    found.tick(ns(13))
    assert awaited(found) == ()
    assert found.standing(Question(container=A), ns(10)).state is ContainerState.ENDED


def test_a_main_process_that_has_ended_awaits_the_word_of_docker() -> None:
    """
    The client of a sandbox may ask before Docker has said that it ended.
    """
    found = analyzer(docker(START, 1, A), running(A, 1), exited(MAIN_PID, A, 5, started_s=1, code=0))
    assert awaited(found) == (Awaited.END,)


def test_a_start_is_awaited_for_some_seconds() -> None:
    """
    Docker reports no start that failed; a container that was only created is not waited for.
    """
    found = analyzer(docker(CREATE, 9, A))
    assert awaited(found) == (Awaited.START,)
    assert awaited(found, at_s=30) == ()
    assert found.standing(Question(container=A), ns(30)).state is ContainerState.CREATED


def test_a_kill_without_a_container_is_awaited_by_all() -> None:
    """
    It may belong to any container that was there at the time.
    """
    found = analyzer(line(f"Memory cgroup out of memory: Killed process {MAIN_PID + 1} (worker) total-vm:1kB", 5))
    found.tick(ns(10.5))
    assert awaited(found) == (Awaited.KILL,)
    assert awaited(found, at_s=4) == ()
    assert awaited(found, at_s=70) == ()


def test_nothing_is_awaited_of_a_removed_container_with_its_verdict() -> None:
    """
    It cannot run again, so no source needs to be read further.
    """
    found = analyzer(
        docker(START, 1, A), running(A, 1), docker(DIE, 5, A, exit_code=0), docker(DESTROY, 5.1, A), read("docker", 6)
    )
    found.tick(ns(20))
    assert awaited(found) == ()
    assert awaited(found, B) == ("docker",)


def test_nothing_is_awaited_of_a_container_with_rm_and_its_verdict() -> None:
    """
    It cannot run again, although Docker has not said yet that it is removed; before its verdict all is awaited.
    """
    found = analyzer(docker(START, 1, A), running(A, 1, auto_remove=True), read("docker", 9))
    assert awaited(found) == ("docker",)
    found.feed(docker(DIE, 5, A, exit_code=1), ns(10))
    assert awaited(found) == ("docker", Awaited.VERDICT)
    found.feed(ended(A, started_s=1, finished_s=5, exit_code=1, auto_remove=True), ns(10))
    found.tick(ns(13))
    assert awaited(found) == ()


@pytest.mark.parametrize("wanted", ["web", A, A[:12]])
def test_a_container_is_found_by_name_id_and_the_beginning_of_its_id(wanted: str) -> None:
    """
    Of two containers with one name, the one that was seen last is meant.
    """
    found = analyzer(docker(START, 1, B, attributes={"name": "web"}), docker(START, 2, A, attributes={"name": "web"}))
    standing = found.standing(Question(container=wanted), ns(10))
    assert (standing.container_id, standing.name, standing.state) == (A, "web", ContainerState.RUNNING)


def test_a_container_is_found_by_the_pid_of_its_main_process() -> None:
    """
    Also after its end.
    """
    found = analyzer(docker(START, 1, A), running(A, 1))
    assert found.standing(Question(pid=MAIN_PID), ns(10)).container_id == A
    assert found.standing(Question(pid=1), ns(10)).container_id is None
