"""
Kills that a pasted text reports in other words than the kernel's.
"""

from collector.recordings.pasted import events_of
from sinks.event import Confidence, Event, EventType, Killer, Scope

ID = "4e1d" * 16
UNIT = f"docker-{ID}.scope"
OLD = f"Oct 30 10:13:57 box systemd[1]: {UNIT}: A process of this unit has been killed by the OOM killer.\n"
NEW = f"Oct 30 10:13:57 box systemd[1]: {UNIT}: The kernel OOM killer killed some processes in this unit.\n"
KILL = "Oct 30 10:13:57 box kernel: Memory cgroup out of memory: Killed process 42 (java) total-vm:9kB, anon-rss:7kB\n"
REAPED = "Oct 30 10:13:57 box kernel: oom_reaper: reaped process 42 (java), now anon-rss:0kB, file-rss:0kB\n"
EARLYOOM = 'Oct 30 10:13:56 box earlyoom[7]: sending SIGTERM to process 42 uid 0 "java": badness 900, VmRSS 7 MiB\n'


def only_event(text: str) -> Event:
    (event,) = events_of(text.encode())
    return event


def test_unit_line_alone_names_the_container() -> None:
    """
    systemd says that a container lost a process: neither which, nor why.
    """
    event = only_event(NEW)
    assert (event.type, event.subject) == (EventType.OOM_KILL, f"container/{ID}")
    assert event.exit137.oom is not None
    assert (event.exit137.oom.scope, event.exit137.oom.victims) == (None, ())
    assert "of container 4e1d4e1d4e1d" in event.message
    assert "do not say which" in event.message


def test_old_and_new_sentence_are_one_kill() -> None:
    """
    Two sentences about one kill do not make two.
    """
    assert only_event(OLD + NEW).subject == f"container/{ID}"


def test_unit_line_beside_the_kernels_report_is_not_a_second_kill() -> None:
    """
    The kernel's report counts, wherever the line of systemd stands.
    """
    for text in (NEW + KILL, KILL + NEW):
        event = only_event(text)
        assert event.process is not None
        assert event.process.pid == 42


def test_service_that_lost_a_process_is_named() -> None:
    """
    A unit that is not a container is named by its own name.
    """
    event = only_event(NEW.replace(UNIT, "web.service"))
    assert event.container is None
    assert "a process of web.service" in event.message


def test_reaper_alone_names_the_victim() -> None:
    """
    The reaper frees the memory of victims only, but does not say whose memory ran out.
    """
    event = only_event(REAPED)
    assert event.process is not None
    assert (event.process.pid, event.process.name) == (42, "java")
    assert event.exit137.confidence is Confidence.LIKELY
    assert "do not say whose memory ran out" in event.message


def test_reaper_after_the_kill_adds_nothing() -> None:
    """
    A victim is one victim, however many lines name it.
    """
    assert only_event(KILL + REAPED).exit137.oom is not None


def test_kubelet_says_that_the_host_ran_out_of_memory() -> None:
    """
    The kubelet distinguishes the host's memory from a cgroup's.
    """
    text = "Warning  {}OOM  28s  kubelet  {} OOM encountered, victim process: hog, pid: 31\n"
    host, cgroup = only_event(text.format("System", "System")), only_event(text.format("Cgroup", "Cgroup"))
    assert host.exit137.oom is not None
    assert host.exit137.oom.scope is Scope.HOST
    assert cgroup.exit137.oom is not None
    assert cgroup.exit137.oom.scope is None


def test_process_that_earlyoom_and_the_kernel_killed_is_one_victim() -> None:
    """
    earlyoom sent SIGTERM, then the kernel killed the same process: the line of earlyoom is evidence.
    """
    event = only_event(EARLYOOM + KILL)
    assert event.exit137.oom is not None
    assert event.exit137.oom.killer is Killer.KERNEL
    assert any("SIGTERM" in item.text for item in event.exit137.evidence)


def test_time_is_shown_as_it_is_printed() -> None:
    """
    A date without a year is no point in time, but a person can use it.
    """
    event = only_event(KILL)
    assert event.time_ns is None
    assert [item.printed_time for item in event.exit137.evidence] == ["Oct 30 10:13:57"]


def test_head_alone_is_a_report_without_a_kill() -> None:
    """
    Who called the OOM killer is known, what it killed is not.
    """
    event = only_event("Oct 30 10:13:57 box kernel: hog invoked oom-killer: gfp_mask=0xcc0, order=0, oom_score_adj=0\n")
    assert event.type is EventType.AGENT
    assert 'was called by "hog"' in event.message


def test_statistics_alone_name_container_and_limit() -> None:
    """
    The kernel prints the statistics of the cgroup at its limit.
    """
    event = only_event(
        "[  1.000001] memory: usage 65536kB, limit 65536kB, failcnt 3\n"
        f"[  1.000002] Memory cgroup stats for /docker/{ID}:\n"
        "[  1.000003] anon 60000000\n"
    )
    assert event.type is EventType.AGENT
    assert "container 4e1d4e1d4e1d" in event.message
    assert "own memory limit of 64 MiB" in event.message


def test_event_of_the_node_problem_detector_is_the_kernels_sentence() -> None:
    """
    kubectl prints the kernel's sentence behind columns; the kubelet's event about the same process adds nothing.
    """
    event = only_event(
        "Warning  SystemOOM   3m  kubelet         System OOM encountered, victim process: hog, pid: 31\n"
        "Warning  OOMKilling  3m  kernel-monitor  Out of memory: Killed process 31 (hog) total-vm:9kB, anon-rss:7kB\n"
    )
    assert event.exit137.oom is not None
    assert event.exit137.oom.victims[0].anon_rss_bytes == 7 * 1024
