"""
From lines of the kernel log to kills with a container.
"""

from collector.correlate.facts import Origin
from collector.correlate.kills import ATTRIBUTION_WAIT_NS
from sinks.event import Confidence, EventType, Scope
from tests.unit.collector.correlate.scene import (
    BEGIN_NS,
    JOURNALD,
    KMSG,
    LIMIT_BYTES,
    MAIN_PID,
    SECOND,
    SETTLE_S,
    A,
    B,
    Scene,
    by_systemd,
    killed,
    line,
    ns,
    oom,
    owners,
    report,
    scope_path,
    summary,
)

WAIT_S = ATTRIBUTION_WAIT_NS / SECOND
JOURNAL_SETTLE_S = 0.026


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


def test_the_end_of_the_input_tells_all_that_is_open() -> None:
    """
    A replay does not wait.
    """
    scene = Scene()
    scene.tell(line(killed(11), 1), at_s=1)
    scene.tell(*report(10, A, at_s=1.1), at_s=1.1)
    assert sorted(owners(scene.flush()), key=str) == [None, A]
    assert scene.correlator.held() == {}
