"""
Kills of which the log has one line and no cgroup: who else can say whose they are, and how long is waited for them.
"""

from collector.correlate.facts import GapFact, Origin
from collector.correlate.kills import ATTRIBUTION_WAIT_NS
from parsers.docker_event import DockerAction
from sinks.event import Confidence, Scope
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


def test_a_bare_kill_waits_for_other_evidence_then_is_told_without_a_container() -> None:
    """
    At most ATTRIBUTION_WAIT; it is never dropped.
    """
    scene = Scene()
    scene.tell(line(killed(10), 1), at_s=1)
    scene.wait(SETTLE_S)
    assert scene.wait(WAIT_S - 0.1) == []
    (event,) = scene.wait(0.2)
    assert (owners([event]), event.subject, event.container) == ([None], "process/10", None)
    assert (event.exit137.confidence, oom(event).scope) == (Confidence.POSSIBLE, None)


def test_a_bare_kill_of_a_main_process_needs_no_wait() -> None:
    """
    Docker named the pid before it died; the limit is the container's, as inspect told it.
    """
    scene = Scene()
    scene.run(A)
    scene.tell(line(killed(MAIN_PID), 1), at_s=1)
    (event,) = scene.wait(SETTLE_S)
    assert (owners([event]), event.exit137.confidence) == ([A], Confidence.LIKELY)
    assert (oom(event).scope, oom(event).limit_bytes) == (Scope.CONTAINER, LIMIT_BYTES)
    assert event.exit137.evidence[-1].text == "docker inspect named this pid"


def test_a_bare_kill_in_a_container_without_a_limit_hit_one_above_it() -> None:
    """
    It was no kill of the whole host, and the container has no limit of its own; how large that above is, is not known.
    """
    scene = Scene()
    scene.run(A, memory_limit_bytes=None)
    scene.tell(line(killed(MAIN_PID), 1), at_s=1)
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
    scene.tell(*first[:2], *(line(text, 1) for text in table), *first[2:], at_s=1)
    assert owners(scene.wait(SETTLE_S)) == [A]
    scene.tell(line(killed(11), 2), at_s=2)
    assert owners(scene.wait(SETTLE_S)) == [A]


def test_an_inspection_that_comes_after_a_bare_kill_places_it() -> None:
    """
    The container was started a moment ago, and Docker answers slowly.
    """
    scene = Scene()
    scene.tell(line(killed(MAIN_PID), 1), at_s=1)
    assert scene.wait(SETTLE_S) == []
    assert owners(scene.tell(running(A, 0.5), at_s=1.2)) == [A]


def test_the_end_of_a_process_places_its_bare_kill_for_certain() -> None:
    """
    The process connector knew the container while the process lived.
    """
    scene = Scene()
    scene.tell(line(killed(10), 1), at_s=1)
    assert scene.wait(SETTLE_S) == []
    (event,) = scene.tell(exited(10, A, at_s=1.01, signal=9), at_s=1.01)
    assert (owners([event]), event.exit137.confidence) == ([A], Confidence.CERTAIN)


def test_a_process_that_ended_by_itself_places_no_kill() -> None:
    """
    The killed one is the next process of that number.
    """
    scene = Scene()
    scene.tell(line(killed(10), 1), at_s=1)
    scene.wait(SETTLE_S)
    assert scene.tell(exited(10, A, at_s=0.5, code=0), at_s=1.01) == []


def test_a_pid_that_is_used_again_at_once() -> None:
    """
    The first kill was told by the trace; the end of that process, read late, is not that of the next with its pid.
    """
    scene = Scene()
    scene.tell(GapFact(source="processes", what="source_up", at_ns=ns(0), text="processes is up"))
    scene.tell(marked(10, A, 0.998), at_s=1)
    scene.tell(line(killed(10), 1), at_s=1)
    assert owners(scene.wait(SETTLE_S)) == [A]
    scene.tell(exited(10, A, at_s=1.09, signal=9), at_s=1.2)
    scene.tell(line(killed(10), 1.4), at_s=1.4)
    assert scene.wait(SETTLE_S) == []
    (event,) = scene.tell(exited(10, B, at_s=1.41, started_s=1.2, signal=9), at_s=1.5)
    assert (owners([event]), event.exit137.confidence) == ([B], Confidence.CERTAIN)
    assert [evidence.time_ns for evidence in event.exit137.evidence] == [ns(1.4), ns(1.41), None]


def test_systemds_line_places_a_kill_that_is_alone() -> None:
    """
    The unit is the container's scope; who else could it have been.
    """
    scene = Scene()
    scene.tell(line(killed(10), 1), at_s=1)
    scene.wait(SETTLE_S)
    (event,) = scene.tell(by_systemd(A, 1.03), at_s=1.03)
    assert (owners([event]), event.exit137.confidence) == ([A], Confidence.LIKELY)
    assert "docker-aaaa" in event.exit137.evidence[-1].text


def test_nothing_is_guessed_where_the_end_of_the_process_will_tell() -> None:
    """
    With the processes source a claim is the last resort, not the first.
    """
    scene = Scene()
    scene.tell(GapFact(source="processes", what="source_up", at_ns=ns(0), text="processes is up"))
    scene.tell(line(killed(10), 1), at_s=1)
    scene.wait(SETTLE_S)
    assert scene.tell(by_systemd(A, 1.03), at_s=1.03) == []
    assert owners(scene.tell(exited(10, B, at_s=1.04, signal=9), at_s=1.04)) == [B]


def test_bare_kills_of_two_containers_are_told_apart_by_their_claims() -> None:
    """
    In their order, when the time is up; what is paired so is possible, no more.
    """
    scene = Scene()
    scene.tell(line(killed(10), 1.0), line(killed(11), 1.1), line(killed(12), 1.2), at_s=1.2)
    scene.wait(SETTLE_S)
    claims = by_systemd(A, 1.21), by_systemd(B, 1.31), by_systemd(A, 1.41)
    assert scene.tell(*claims, at_s=1.41) == []
    told = scene.wait(WAIT_S)
    assert {event.exit137.confidence for event in told} == {Confidence.POSSIBLE}
    assert sorted((oom(event).victims[0].pid, *owners([event])) for event in told) == [(10, A), (11, B), (12, A)]


def test_dockers_claim_is_the_last_resort() -> None:
    """
    Its `oom` names the container of a bare kill only when the time is up.
    """
    scene = Scene()
    scene.tell(line(killed(10), 1), at_s=1)
    scene.wait(SETTLE_S)
    assert scene.tell(docker(DockerAction.OOM, 1.1, A), at_s=1.1) == []
    (event,) = scene.wait(WAIT_S)
    assert (owners([event]), event.exit137.confidence) == ([A], Confidence.POSSIBLE)


def test_a_bare_kill_is_held_while_it_waits() -> None:
    """
    Its position must not be passed before it was told.
    """
    scene = Scene()
    scene.tell(line(killed(10), 1), at_s=1, origin=Origin(source="kmsg", ordinal=3))
    scene.wait(SETTLE_S)
    assert scene.correlator.held() == {"kmsg": 3}
    scene.wait(WAIT_S)
    assert scene.correlator.held() == {}
