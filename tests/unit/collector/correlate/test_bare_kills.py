"""
Kills of which the log has one line and no cgroup: what else attributes them, and how long they wait.
"""

from collector.correlate.kernel_kills import ATTRIBUTION_WAIT_NS
from collector.facts.observed import GapFact, Origin
from parsers.docker_event import DockerAction
from sinks.event import Confidence, GapKind, Scope
from tests.unit.collector.correlate.scene import (
    LIMIT_BYTES,
    MAIN_PID,
    SECOND,
    SETTLE_S,
    A,
    B,
    Scene,
    by_systemd,
    docker,
    exited,
    killed,
    line,
    marked,
    ns,
    oom,
    owners,
    report,
    running,
)

WAIT_S = ATTRIBUTION_WAIT_NS / SECOND


def test_a_bare_kill_waits_for_other_evidence_then_is_published_without_a_container() -> None:
    """
    A kill without a path waits at most ATTRIBUTION_WAIT, and is never dropped.
    """
    scene = Scene()
    scene.feed(line(killed(10), 1), at_s=1)
    scene.wait(SETTLE_S)
    assert scene.wait(WAIT_S - 0.1) == []
    (event,) = scene.wait(0.2)
    assert (owners([event]), event.subject, event.container) == ([None], "process/10", None)
    assert (event.exit137.confidence, oom(event).scope) == (Confidence.POSSIBLE, None)


def test_a_bare_kill_of_a_main_process_needs_no_wait() -> None:
    """
    Docker named the pid before the process died; the limit is the container's, from inspect.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(line(killed(MAIN_PID), 1), at_s=1)
    (event,) = scene.wait(SETTLE_S)
    assert (owners([event]), event.exit137.confidence) == ([A], Confidence.LIKELY)
    assert (oom(event).scope, oom(event).limit_bytes) == (Scope.CONTAINER, LIMIT_BYTES)
    assert event.exit137.evidence[-1].text == "docker inspect named this pid"


def test_a_bare_kill_in_a_container_without_a_limit_hit_one_above_it() -> None:
    """
    The host did not run out and the container has no limit, so a limit above it was hit; its size is not known.
    """
    scene = Scene()
    scene.run(A, memory_limit_bytes=None)
    scene.feed(line(killed(MAIN_PID), 1), at_s=1)
    (event,) = scene.wait(SETTLE_S)
    assert (oom(event).scope, oom(event).limit_bytes) == (Scope.PARENT, None)


def test_a_bare_kill_of_a_process_that_an_earlier_report_listed() -> None:
    """
    The first report of a storm has the table of the container's tasks.
    """
    scene = Scene()
    table = [
        "Tasks state (memory values in pages):",
        "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        "[     10]     0    10     8474     8104   110592        0             0 hog",
        "[     11]     0    11     8474     8104   110592        0             0 hog",
    ]
    first = report(10, A, at_s=1)
    scene.feed(*first[:2], *(line(text, 1) for text in table), *first[2:], at_s=1)
    assert owners(scene.wait(SETTLE_S)) == [A]
    scene.feed(line(killed(11), 2), at_s=2)
    assert owners(scene.wait(SETTLE_S)) == [A]


def test_an_inspection_that_comes_after_a_bare_kill_attributes_it() -> None:
    """
    A container may be killed so soon after its start that Docker names its pid only afterwards.
    """
    scene = Scene()
    scene.feed(line(killed(MAIN_PID), 1), at_s=1)
    assert scene.wait(SETTLE_S) == []
    assert owners(scene.feed(running(A, 0.5), at_s=1.2)) == [A]


def test_the_exit_of_a_process_attributes_its_bare_kill_for_certain() -> None:
    """
    The process connector knew the container while the process was running.
    """
    scene = Scene()
    scene.feed(line(killed(10), 1), at_s=1)
    assert scene.wait(SETTLE_S) == []
    (event,) = scene.feed(exited(10, A, at_s=1.01, signal=9), at_s=1.01)
    assert (owners([event]), event.exit137.confidence) == ([A], Confidence.CERTAIN)


def test_a_process_that_exited_by_itself_attributes_no_kill() -> None:
    """
    The killed process is the next one with this pid.
    """
    scene = Scene()
    scene.feed(line(killed(10), 1), at_s=1)
    scene.wait(SETTLE_S)
    assert scene.feed(exited(10, A, at_s=0.5, code=0), at_s=1.01) == []


def test_a_pid_that_is_used_again_at_once() -> None:
    """
    The trace attributed the first kill; the exit of that process, read late, does not attribute the next kill of
    the pid.
    """
    scene = Scene()
    scene.feed(GapFact(source="processes", what=GapKind.SOURCE_UP, at_ns=ns(0), text="processes is up"))
    scene.feed(marked(10, A, 0.998), at_s=1)
    scene.feed(line(killed(10), 1), at_s=1)
    assert owners(scene.wait(SETTLE_S)) == [A]
    scene.feed(exited(10, A, at_s=1.09, signal=9), at_s=1.2)
    scene.feed(line(killed(10), 1.4), at_s=1.4)
    assert scene.wait(SETTLE_S) == []
    (event,) = scene.feed(exited(10, B, at_s=1.41, started_s=1.2, signal=9), at_s=1.5)
    assert (owners([event]), event.exit137.confidence) == ([B], Confidence.CERTAIN)
    assert [evidence.time_ns for evidence in event.exit137.evidence] == [ns(1.4), ns(1.41), None]


def test_systemds_notice_attributes_a_kill_that_is_alone() -> None:
    """
    The unit is the scope of the only container that can be meant.
    """
    scene = Scene()
    scene.feed(line(killed(10), 1), at_s=1)
    scene.wait(SETTLE_S)
    (event,) = scene.feed(by_systemd(A, 1.03), at_s=1.03)
    assert (owners([event]), event.exit137.confidence) == ([A], Confidence.LIKELY)
    assert "docker-aaaa" in event.exit137.evidence[-1].text


def test_nothing_is_guessed_while_the_exit_of_the_process_is_still_to_come() -> None:
    """
    With the processes source, a notice is the last resort, not the first.
    """
    scene = Scene()
    scene.feed(GapFact(source="processes", what=GapKind.SOURCE_UP, at_ns=ns(0), text="processes is up"))
    scene.feed(line(killed(10), 1), at_s=1)
    scene.wait(SETTLE_S)
    assert scene.feed(by_systemd(A, 1.03), at_s=1.03) == []
    assert owners(scene.feed(exited(10, B, at_s=1.04, signal=9), at_s=1.04)) == [B]


def test_bare_kills_of_two_containers_are_paired_with_their_notices() -> None:
    """
    The pairing keeps the order, happens at the deadline, and makes the container possible, not more.
    """
    scene = Scene()
    scene.feed(line(killed(10), 1.0), line(killed(11), 1.1), line(killed(12), 1.2), at_s=1.2)
    scene.wait(SETTLE_S)
    notices = by_systemd(A, 1.21), by_systemd(B, 1.31), by_systemd(A, 1.41)
    assert scene.feed(*notices, at_s=1.41) == []
    events = scene.wait(WAIT_S)
    assert {event.exit137.confidence for event in events} == {Confidence.POSSIBLE}
    assert sorted((oom(event).victims[0].pid, *owners([event])) for event in events) == [(10, A), (11, B), (12, A)]


def test_dockers_notice_is_the_last_resort() -> None:
    """
    Docker's `oom` names the container of a bare kill only at the deadline.
    """
    scene = Scene()
    scene.feed(line(killed(10), 1), at_s=1)
    scene.wait(SETTLE_S)
    assert scene.feed(docker(DockerAction.OOM, 1.1, A), at_s=1.1) == []
    (event,) = scene.wait(WAIT_S)
    assert (owners([event]), event.exit137.confidence) == ([A], Confidence.POSSIBLE)


def test_a_bare_kill_is_held_while_it_waits() -> None:
    """
    The position of its line is not stored before the kill is published.
    """
    scene = Scene()
    scene.feed(line(killed(10), 1), at_s=1, origin=Origin(source="kmsg", ordinal=3))
    scene.wait(SETTLE_S)
    assert scene.analyzer.held() == {"kmsg": 3}
    scene.wait(WAIT_S)
    assert scene.analyzer.held() == {}
