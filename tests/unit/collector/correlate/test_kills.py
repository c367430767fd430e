"""
From lines of the kernel log to kills with a container.
"""

from collector.correlate.facts import GapFact, Origin
from collector.correlate.kills import ATTRIBUTION_WAIT_NS
from parsers.docker_event import DockerAction
from sinks.event import Confidence, Event, EventType, Oom, Scope
from tests.unit.collector.correlate.scene import (
    BEGIN_NS,
    JOURNALD,
    KMSG,
    LIMIT_BYTES,
    MAIN_PID,
    SECOND,
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
    report,
    running,
    scope_path,
    summary,
)

WAIT_S = ATTRIBUTION_WAIT_NS / SECOND
SETTLE_S = 0.006
JOURNAL_SETTLE_S = 0.026


def oom(event: Event) -> Oom:
    assert event.exit137.oom is not None
    return event.exit137.oom


def owners(events: list[Event]) -> list[str | None]:
    return [victim.container_id for event in events for victim in oom(event).victims]


def test_a_kill_is_told_as_soon_as_its_report_is_over() -> None:
    """
    Not when the container dies: a few milliseconds after its last line.
    """
    scene = Scene()
    scene.run(A)
    assert scene.tell(*report(MAIN_PID, A, at_s=1), at_s=1) == []
    deadline_ns = scene.correlator.next_deadline_ns()
    assert deadline_ns is not None
    assert deadline_ns - BEGIN_NS <= (1 + SETTLE_S) * SECOND
    (event,) = scene.wait(SETTLE_S)
    assert (event.type, event.subject, event.time_ns) == (EventType.OOM_KILL, f"container/{A}", ns(1))
    assert event.exit137.confidence is Confidence.CERTAIN
    assert (oom(event).scope, oom(event).limit_bytes) == (Scope.CONTAINER, LIMIT_BYTES)
    assert oom(event).victims[0].main_process is True


def test_the_next_line_of_the_log_tells_a_kill_as_well() -> None:
    """
    The kernel's clock has moved on: no tick is needed.
    """
    scene = Scene()
    scene.tell(*report(10, A, at_s=1), at_s=1)
    assert owners(scene.tell(line("eth0: link up", 1.1), at_s=1.1)) == [A]


def test_the_same_kill_from_both_kernel_logs_is_one_event() -> None:
    """
    /dev/kmsg and the journal carry the same record with the same stamp.
    """
    scene = Scene()
    scene.tell(*report(10, A, at_s=1), at_s=1)
    assert len(scene.wait(SETTLE_S)) == 1
    scene.tell(*report(10, A, at_s=1, source=JOURNALD), at_s=1.1)
    assert scene.wait(5) == []


def test_both_logs_give_the_same_id() -> None:
    """
    A consumer that saw the one drops the other, also across a restart.
    """
    ids = []
    for source in (JOURNALD, report(1)[0].source):
        scene = Scene()
        scene.tell(*report(10, A, at_s=1, source=source), at_s=1)
        ids += [event.id for event in scene.wait(JOURNAL_SETTLE_S)]
    assert len(ids) == 2
    assert ids[0] == ids[1]


def test_the_same_pid_later_is_another_kill() -> None:
    """
    Pids are used again.
    """
    scene = Scene()
    scene.tell(*report(10, A, at_s=1), at_s=1)
    first = scene.wait(SETTLE_S)
    scene.tell(*report(10, B, at_s=10), at_s=10)
    assert owners(first + scene.wait(SETTLE_S)) == [A, B]


def test_the_log_that_is_behind_tells_both_kills_of_a_pid_again() -> None:
    """
    On a host that soon uses pids again: both are known already.
    """
    scene = Scene()
    scene.tell(*report(10, A, at_s=1), at_s=1)
    scene.tell(*report(10, B, at_s=1.5), at_s=1.5)
    assert len(scene.wait(SETTLE_S)) == 1
    scene.tell(*report(10, A, at_s=1, source=JOURNALD), *report(10, B, at_s=1.5, source=JOURNALD), at_s=2)
    assert scene.wait(5) == []


def test_a_group_is_one_event_with_all_its_victims() -> None:
    """
    memory.oom.group: the kernel prints the first victim twice, and all are killed.
    """
    scene = Scene()
    path = scope_path(A)
    group = f"Tasks in {path} are going to be killed due to memory.oom.group set"
    texts = [summary(10, path), killed(10), group, killed(10), killed(11), killed(12)]
    scene.tell(*(line(text, 1) for text in texts), at_s=1)
    (event,) = scene.wait(0.3)
    assert oom(event).group is True
    assert [victim.pid for victim in oom(event).victims] == [10, 11, 12]


def test_a_group_that_the_journal_hands_on_in_two_parts_is_one_event() -> None:
    """
    journald reads the kernel's log at ticks, up to 10 ms apart; one may fall between the first kill and the others.
    """
    scene = Scene()
    path = scope_path(A)
    scene.tell(line(summary(10, path), 1, JOURNALD), line(killed(10), 1, JOURNALD), at_s=1)
    assert scene.wait(0.012) == []
    group = f"Tasks in {path} are going to be killed due to memory.oom.group set"
    scene.tell(*(line(text, 1.001, JOURNALD) for text in (group, killed(10), killed(11))))
    (event,) = scene.wait(0.3)
    assert [victim.pid for victim in oom(event).victims] == [10, 11]


def test_a_report_of_cgroup_v1_is_over_with_its_kill() -> None:
    """
    Only there the kernel counts memory and swap together, and there it never kills a cgroup as a whole.
    """
    scene = Scene()
    first, *rest = report(10, A, at_s=1)
    scene.tell(first, line("memory+swap: usage 65536kB, limit 65536kB, failcnt 0", 1), *rest, at_s=1)
    (event,) = scene.wait(0)
    assert owners([event]) == [A]


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


def test_a_kill_because_the_host_ran_out_is_claimed_by_no_container() -> None:
    """
    Neither systemd's nor Docker's word about a container is about the host's memory.
    """
    scene = Scene()
    scene.tell(line(killed(10, words="Out of memory"), 1), at_s=1)
    scene.wait(SETTLE_S)
    scene.tell(by_systemd(A, 1.03), at_s=1.03)
    (event,) = scene.wait(WAIT_S)
    assert (owners([event]), oom(event).scope) == ([None], Scope.HOST)


def test_a_limit_above_the_container_is_told_as_such() -> None:
    """
    The victim's container has no fault: a neighbor may have used the memory.
    """
    scene = Scene()
    scene.tell(*report(10, A, at_s=1, limit_path="/system.slice"), at_s=1)
    (event,) = scene.wait(SETTLE_S)
    assert (oom(event).scope, oom(event).limit_cgroup) == (Scope.PARENT, "/system.slice")


def test_a_report_that_ends_before_the_kill_is_an_event_of_the_agent() -> None:
    """
    The kernel chose somebody; that somebody was killed is not known, and not claimed.
    """
    scene = Scene()
    scene.tell(*report(10, A, at_s=1)[:2], at_s=1)
    scene.tell(line("Out of memory: Kill process 10 (hog) score 956 or sacrifice child", 1), at_s=1)
    (event,) = scene.wait(11)
    assert event.type is EventType.AGENT
    assert event.exit137.gap is not None
    assert event.exit137.gap.what == "report_incomplete"
    assert 'chose "hog" (pid 10), but no kill was printed' in event.message


def test_a_report_that_ends_without_a_kill_in_two_sources_is_one_event() -> None:
    """
    As a kill is.
    """
    scene = Scene()
    for source in (KMSG, JOURNALD):
        nobody = line("Out of memory and no killable processes...", 1, source)
        scene.tell(report(10, A, 1, source)[0], nobody, at_s=1)
    assert len(scene.wait(11)) == 1


def test_a_report_that_is_cut_in_one_source_only_is_no_event() -> None:
    """
    The other has told the kill.
    """
    scene = Scene()
    cut = summary(10, scope_path(A)).partition(",task=")[0]
    scene.tell(report(10, A, 1)[0], line(cut, 1), at_s=1)
    scene.tell(*report(10, A, 1, JOURNALD), at_s=1)
    assert [event.type for event in (*scene.wait(JOURNAL_SETTLE_S), *scene.wait(11))] == [EventType.OOM_KILL]


def test_an_oom_that_found_nobody_to_kill_is_an_event_of_the_agent() -> None:
    """
    The container goes on without memory: somebody should know.
    """
    scene = Scene()
    scene.tell(report(10, A, at_s=1)[0], line("Out of memory and no killable processes...", 1), at_s=1)
    (event,) = scene.wait(11)
    assert event.exit137.gap is not None
    assert event.exit137.gap.what == "no_killable_process"


def test_what_is_held_is_read_again_after_a_restart() -> None:
    """
    From the first line of the report on, until the kill is told.
    """
    scene = Scene()
    first, *rest = report(10, A, at_s=1)
    scene.tell(first, at_s=1, origin=Origin(source="kmsg", ordinal=7))
    scene.tell(*rest, at_s=1, origin=Origin(source="kmsg", ordinal=8))
    assert scene.correlator.held() == {"kmsg": 7}
    scene.wait(SETTLE_S)
    assert scene.correlator.held() == {}


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


def test_the_end_of_the_input_tells_all_that_is_open() -> None:
    """
    A replay does not wait.
    """
    scene = Scene()
    scene.tell(line(killed(11), 1), at_s=1)
    scene.tell(*report(10, A, at_s=1.1), at_s=1.1)
    assert sorted(owners(scene.flush()), key=str) == [None, A]
    assert scene.correlator.held() == {}
