"""
Kernel notices: which container they concern, and how often they are published.
"""

from dataclasses import replace

import pytest

from collector.facts.kernel import LiveTask
from collector.facts.observed import Origin
from parsers.cgroup_path import ContainerRef, Runtime
from sinks.event import Confidence
from tests.unit.collector.correlate.kernel_lines import (
    THREAD,
    WAIT_S,
    WINDOW_S,
    alive,
    crashed,
    kernel,
    segfault,
    where,
)
from tests.unit.collector.correlate.scene import (
    MAIN_PID,
    A,
    B,
    exited,
    line,
    scope_path,
    started,
)


def test_a_task_that_still_runs_is_certain() -> None:
    """
    A task that /proc still has makes the container certain, and the event comes at once.
    """
    scene = started()
    (event,) = scene.feed(alive(segfault(THREAD), A, MAIN_PID), at_s=1)
    assert where(event) == (A, Confidence.CERTAIN)
    assert (kernel(event).pid, kernel(event).tid, kernel(event).name) == (MAIN_PID, THREAD, "hog")
    assert event.exit137.crash is not None
    assert (event.exit137.crash.module, event.exit137.crash.module_offset) == ("libc.so.6", "0x50")


def test_the_connector_names_the_process_of_a_thread() -> None:
    """
    A crash that the process connector saw names the process of the thread, before the line or after it.
    """
    scene = started()
    scene.feed(crashed(THREAD, 40))
    (before,) = scene.feed(segfault(THREAD), at_s=1)
    assert scene.feed(segfault(THREAD + 1, 90), at_s=90) == []
    (after,) = scene.feed(crashed(THREAD + 1, 41, 90.001))
    assert [(where(event), kernel(event).pid) for event in (before, after)] == [
        ((A, Confidence.CERTAIN), 40),
        ((A, Confidence.CERTAIN), 41),
    ]


def test_the_end_of_a_process_with_this_pid_is_certain() -> None:
    """
    The end of a process that had the pid at that time makes the container certain, whatever ended it.
    """
    scene = started()
    assert scene.feed(segfault(40), at_s=1) == []
    (event,) = scene.feed(exited(40, at_s=1.2, signal=11))
    assert where(event) == (A, Confidence.CERTAIN)


def test_an_earlier_process_with_this_pid_is_another() -> None:
    """
    A process that ended long before the line, or began after it, is not the one in the line.
    """
    scene = started()
    scene.feed(exited(40, at_s=1.0, signal=11), crashed(40, 40, 1.0))
    assert scene.feed(segfault(40, 30), at_s=30) == []
    scene.feed(exited(40, B, at_s=31.9, started_s=31.5, signal=11), at_s=31.9)
    (event,) = scene.wait(WAIT_S)
    assert where(event) == (None, Confidence.POSSIBLE)


def test_the_main_process_is_likely_by_its_pid() -> None:
    """
    Without the process connector only Docker's pid of the main process fits, which is likely.
    """
    scene = started()
    assert scene.feed(segfault(MAIN_PID), at_s=1) == []
    (event,) = scene.wait(WAIT_S)
    assert where(event) == (A, Confidence.LIKELY)


def test_a_name_alone_is_possible() -> None:
    """
    If only the name of one process fits that such a signal ended then, its container is possible.
    """
    scene = started()
    scene.feed(segfault(THREAD), exited(40, at_s=1.1, signal=11), at_s=1.1)
    (event,) = scene.wait(WAIT_S)
    assert where(event) == (A, Confidence.POSSIBLE)


def test_two_processes_of_one_name_are_no_evidence() -> None:
    """
    If two processes of the name were ended by such a signal, the line may concern either of them.
    """
    scene = started()
    scene.run(B, pid=MAIN_PID + 9)
    scene.feed(segfault(THREAD), exited(40, at_s=1.1, signal=11), exited(41, B, at_s=1.1, signal=11), at_s=1.1)
    (event,) = scene.wait(WAIT_S)
    assert where(event) == (None, Confidence.POSSIBLE)


def test_another_signal_is_no_crash() -> None:
    """
    A process of the name that another signal ended is not the one that crashed.
    """
    scene = started()
    scene.feed(segfault(THREAD), exited(40, at_s=1.1, signal=9), at_s=1.1)
    (event,) = scene.wait(WAIT_S)
    assert where(event) == (None, Confidence.POSSIBLE)


def test_a_path_is_certain() -> None:
    """
    The line about a limit of tasks has the path of the container's cgroup.
    """
    (event,) = started().feed(line(f"cgroup: fork rejected by pids controller in {scope_path(A)}", 1.0))
    assert where(event) == (A, Confidence.CERTAIN)
    assert kernel(event).cgroup == scope_path(A)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("EXT4-fs (dm-17): Remounting filesystem read-only", "dm-17"),
        ("nf_conntrack: table full, dropping packet", None),
        ("NVRM: Xid (PCI:0000:44:00): 79, GPU has fallen off the bus", "0000:44:00"),
    ],
)
def test_lines_about_the_host_have_no_container(text: str, device: str | None) -> None:
    """
    A line that names no process is published at once, as an event of the host.
    """
    (event,) = started().feed(line(text, 1.0))
    assert where(event) == (None, Confidence.CERTAIN)
    assert event.subject == "host/" + "1" * 32
    assert kernel(event).device == device


def test_the_owner_of_a_lock_is_added() -> None:
    """
    The line that names the owner of a lock follows the one about the blocked task, and makes one event with it.
    """
    scene = started()
    scene.run(B, pid=MAIN_PID + 9)
    blocked = line("INFO: task nvidia-smi:49 blocked for more than 120 seconds.", 1.0)
    owned = line("INFO: task nvidia-smi:49 is blocked on a mutex likely owned by task Core:58.", 1.01)
    owner = LiveTask(pid=50, container=ContainerRef(runtime=Runtime.DOCKER, id=B))
    assert scene.feed(alive(blocked, A, 49), at_s=1) == []
    scene.feed(replace(owned, owner=owner))
    (event,) = scene.wait(WAIT_S)
    found = kernel(event)
    assert where(event) == (A, Confidence.CERTAIN)
    assert found.blocked_s == 120
    assert found.owner is not None
    assert (found.owner.pid, found.owner.name, found.owner.container_id) == (58, "Core", B)
    assert found.owner.container_name == "box-b"


def test_what_waits_is_read_again_after_a_crash_of_the_agent() -> None:
    """
    The position of the source does not pass a line that waits for its container, or that is counted.
    """
    scene = started()
    scene.feed(segfault(THREAD), at_s=1, origin=Origin(source="kmsg", ordinal=5))
    assert scene.analyzer.held() == {"kmsg": 5}
    scene.wait(WAIT_S)
    assert scene.analyzer.held() == {}
    scene.feed(segfault(THREAD, 9), at_s=9, origin=Origin(source="kmsg", ordinal=6))
    scene.wait(WAIT_S)
    assert scene.analyzer.held() == {"kmsg": 6}
    scene.wait(WINDOW_S)
    assert scene.analyzer.held() == {}


def test_a_logged_system_call_is_no_event() -> None:
    """
    A filter that only logs system calls refuses nothing.
    """
    text = 'audit: type=1326 audit(1.2:3): pid=7 comm="a" exe="/a" sig=0 arch=c000003e syscall=51 code=0x7ffc0000'
    scene = started()
    assert scene.feed(line(text, 1.0), at_s=1) == []
    assert scene.wait(WAIT_S) == []


def test_the_end_of_the_input_publishes_what_waits() -> None:
    """
    A recording that ends gives what is known of a line, and the repetitions that were counted.
    """
    scene = started()
    scene.feed(alive(segfault(1, 1.0), A, 1), alive(segfault(2, 1.5), A, 2), segfault(THREAD, 2.0), at_s=2)
    events = scene.flush()
    assert sorted(kernel(event).count for event in events) == [1, 1]
