"""
From lines of the kernel log to kills with a container.
"""

from collector.correlate.kernel_kills import ATTRIBUTION_WAIT_NS
from collector.facts.observed import Origin
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


def test_a_kill_is_published_as_soon_as_its_report_is_complete() -> None:
    """
    It is published a few milliseconds after its last line, not when the container dies.
    """
    scene = Scene()
    scene.run(A)
    assert scene.feed(*report(MAIN_PID, A, at_s=1), at_s=1) == []
    deadline_ns = scene.analyzer.next_deadline_ns()
    assert deadline_ns is not None
    assert deadline_ns - BEGIN_NS <= (1 + SETTLE_S) * SECOND
    (event,) = scene.wait(SETTLE_S)
    assert (event.type, event.subject, event.time_ns) == (EventType.OOM_KILL, f"container/{A}", ns(1))
    assert event.exit137.confidence is Confidence.CERTAIN
    assert (oom(event).scope, oom(event).limit_bytes) == (Scope.CONTAINER, LIMIT_BYTES)
    assert oom(event).victims[0].main_process is True


def test_the_next_line_of_the_log_completes_a_report_too() -> None:
    """
    A later time on the kernel's clock closes the report without a tick.
    """
    scene = Scene()
    scene.feed(*report(10, A, at_s=1), at_s=1)
    assert owners(scene.feed(line("eth0: link up", 1.1), at_s=1.1)) == [A]


def test_the_same_kill_from_both_kernel_logs_is_one_event() -> None:
    """
    /dev/kmsg and the journal carry the same record with the same stamp.
    """
    scene = Scene()
    scene.feed(*report(10, A, at_s=1), at_s=1)
    assert len(scene.wait(SETTLE_S)) == 1
    scene.feed(*report(10, A, at_s=1, source=JOURNALD), at_s=1.1)
    assert scene.wait(5) == []


def test_both_logs_give_the_same_id() -> None:
    """
    A consumer that has seen one drops the other, also across a restart.
    """
    ids = []
    for source in (JOURNALD, report(1)[0].source):
        scene = Scene()
        scene.feed(*report(10, A, at_s=1, source=source), at_s=1)
        ids += [event.id for event in scene.wait(JOURNAL_SETTLE_S)]
    assert len(ids) == 2
    assert ids[0] == ids[1]


def test_the_same_pid_later_is_another_kill() -> None:
    """
    Pids are used again.
    """
    scene = Scene()
    scene.feed(*report(10, A, at_s=1), at_s=1)
    first = scene.wait(SETTLE_S)
    scene.feed(*report(10, B, at_s=10), at_s=10)
    assert owners(first + scene.wait(SETTLE_S)) == [A, B]


def test_the_log_that_is_behind_repeats_both_kills_of_a_pid() -> None:
    """
    On a host that soon uses pids again, both kills are known already.
    """
    scene = Scene()
    scene.feed(*report(10, A, at_s=1), at_s=1)
    scene.feed(*report(10, B, at_s=1.5), at_s=1.5)
    assert len(scene.wait(SETTLE_S)) == 1
    scene.feed(*report(10, A, at_s=1, source=JOURNALD), *report(10, B, at_s=1.5, source=JOURNALD), at_s=2)
    assert scene.wait(5) == []


def test_a_group_is_one_event_with_all_its_victims() -> None:
    """
    With memory.oom.group the kernel prints the first victim twice, and kills all.
    """
    scene = Scene()
    path = scope_path(A)
    group = f"Tasks in {path} are going to be killed due to memory.oom.group set"
    texts = [summary(10, path), killed(10), group, killed(10), killed(11), killed(12)]
    scene.feed(*(line(text, 1) for text in texts), at_s=1)
    (event,) = scene.wait(0.3)
    assert oom(event).group is True
    assert [victim.pid for victim in oom(event).victims] == [10, 11, 12]


def test_a_group_that_the_journal_hands_on_in_two_parts_is_one_event() -> None:
    """
    journald reads the kernel log at ticks, up to 10 ms apart; one may fall between the first kill and the others.
    """
    scene = Scene()
    path = scope_path(A)
    scene.feed(line(summary(10, path), 1, JOURNALD), line(killed(10), 1, JOURNALD), at_s=1)
    assert scene.wait(0.012) == []
    group = f"Tasks in {path} are going to be killed due to memory.oom.group set"
    scene.feed(*(line(text, 1.001, JOURNALD) for text in (group, killed(10), killed(11))))
    (event,) = scene.wait(0.3)
    assert [victim.pid for victim in oom(event).victims] == [10, 11]


def test_a_report_of_cgroup_v1_is_complete_with_its_kill() -> None:
    """
    Only cgroup v1 counts memory and swap together, and it never kills a cgroup as a whole.
    """
    scene = Scene()
    first, *rest = report(10, A, at_s=1)
    scene.feed(first, line("memory+swap: usage 65536kB, limit 65536kB, failcnt 0", 1), *rest, at_s=1)
    (event,) = scene.wait(0)
    assert owners([event]) == [A]


def test_a_kill_because_the_host_ran_out_is_not_paired_with_a_notice() -> None:
    """
    A notice about a container is never about the host's memory.
    """
    scene = Scene()
    scene.feed(line(killed(10, words="Out of memory"), 1), at_s=1)
    scene.wait(SETTLE_S)
    scene.feed(by_systemd(A, 1.03), at_s=1.03)
    (event,) = scene.wait(WAIT_S)
    assert (owners([event]), oom(event).scope) == ([None], Scope.HOST)


def test_a_limit_above_the_container_is_published_as_such() -> None:
    """
    The victim's container may be innocent: a neighbor may have used the memory.
    """
    scene = Scene()
    scene.feed(*report(10, A, at_s=1, limit_path="/system.slice"), at_s=1)
    (event,) = scene.wait(SETTLE_S)
    assert (oom(event).scope, oom(event).limit_cgroup) == (Scope.PARENT, "/system.slice")


def test_a_report_that_ends_before_the_kill_is_an_event_of_the_agent() -> None:
    """
    The kernel chose a victim; that it was killed is not known, and not published.
    """
    scene = Scene()
    scene.feed(*report(10, A, at_s=1)[:2], at_s=1)
    scene.feed(line("Out of memory: Kill process 10 (hog) score 956 or sacrifice child", 1), at_s=1)
    (event,) = scene.wait(11)
    assert event.type is EventType.AGENT
    assert event.exit137.gap is not None
    assert event.exit137.gap.what == "report_incomplete"
    assert 'chose "hog" (pid 10): the host ran out of memory; the log lines show no kill.' in event.message


def test_a_report_that_ends_without_a_kill_in_two_sources_is_one_event() -> None:
    """
    Repetitions are dropped, like those of a kill.
    """
    scene = Scene()
    for source in (KMSG, JOURNALD):
        nobody = line("Out of memory and no killable processes...", 1, source)
        scene.feed(report(10, A, 1, source)[0], nobody, at_s=1)
    assert len(scene.wait(11)) == 1


def test_a_report_that_is_cut_in_one_source_only_is_not_an_event() -> None:
    """
    The other source has reported the kill.
    """
    scene = Scene()
    cut = summary(10, scope_path(A)).partition(",task=")[0]
    scene.feed(report(10, A, 1)[0], line(cut, 1), at_s=1)
    scene.feed(*report(10, A, 1, JOURNALD), at_s=1)
    assert [event.type for event in (*scene.wait(JOURNAL_SETTLE_S), *scene.wait(11))] == [EventType.OOM_KILL]


def test_an_oom_without_a_killable_process_is_an_event_of_the_agent() -> None:
    """
    The container goes on without memory, which an operator should know.
    """
    scene = Scene()
    scene.feed(report(10, A, at_s=1)[0], line("Out of memory and no killable processes...", 1), at_s=1)
    (event,) = scene.wait(11)
    assert event.exit137.gap is not None
    assert event.exit137.gap.what == "no_killable_process"


def test_a_report_is_held_until_its_kill_is_published() -> None:
    """
    It is held from its first line on, and read again after a restart.
    """
    scene = Scene()
    first, *rest = report(10, A, at_s=1)
    scene.feed(first, at_s=1, origin=Origin(source="kmsg", ordinal=7))
    scene.feed(*rest, at_s=1, origin=Origin(source="kmsg", ordinal=8))
    assert scene.analyzer.held() == {"kmsg": 7}
    scene.wait(SETTLE_S)
    assert scene.analyzer.held() == {}


def test_the_end_of_the_input_publishes_all_pending_kills() -> None:
    """
    A replay does not wait.
    """
    scene = Scene()
    scene.feed(line(killed(11), 1), at_s=1)
    scene.feed(*report(10, A, at_s=1.1), at_s=1.1)
    assert sorted(owners(scene.flush()), key=str) == [None, A]
    assert scene.analyzer.held() == {}
