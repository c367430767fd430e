"""
Tests of the events in pasted text.
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.recordings.pasted import events_of
from collector.recordings.replay import load, play
from sinks.event import Confidence, EventType, Killer, to_json

RECORDING = Path(__file__).parents[3] / "recordings" / "debian12-docker20-cgroup2"
CORPUS = Path(__file__).parents[5] / "shared" / "corpus"
KILL = (
    "[  100.000001] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=c,mems_allowed=0,"
    "oom_memcg=/docker/{id},task_memcg=/docker/{id},task=java,pid=42,uid=0\n"
    "[  100.000002] Memory cgroup out of memory: Killed process 42 (java) total-vm:9kB, anon-rss:7kB, file-rss:1kB,"
    " shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:0\n"
).format(id="a" * 64)


def test_a_kill_names_process_container_and_limit() -> None:
    """
    Two lines of a report are enough to name the process, the container and the limit.
    """
    (event,) = events_of(KILL.encode())
    assert event.type is EventType.OOM_KILL
    assert event.subject == f"container/{'a' * 64}"
    assert event.process is not None
    assert (event.process.pid, event.process.name) == (42, "java")


def test_a_text_without_dates_gives_events_without_time() -> None:
    """
    A text with seconds since boot gives events without a time, as the day of the boot is unknown.
    """
    (event,) = events_of(KILL.encode())
    assert event.time_ns is None


def test_the_same_text_gives_the_same_id() -> None:
    """
    Pasting the same text twice gives the same event id, so that two people can refer to one event.
    """
    assert events_of(KILL.encode())[0].id == events_of(KILL.encode())[0].id


def test_journal_records_give_the_ids_of_the_agent() -> None:
    """
    Journal records name machine and boot, so their events have the ids that the agent on that host gave them.
    """
    pasted = events_of((RECORDING / "journal-kernel.json").read_bytes())
    kills = {event.id for event in play(load(RECORDING)) if event.type is EventType.OOM_KILL}
    assert {event.id for event in pasted if event.type is EventType.OOM_KILL} == kills != set()
    assert {event.host.hostname for event in pasted} != {None}


def test_records_of_two_machines_give_events_of_their_own_machine() -> None:
    """
    In a text with records of two machines, each event has the machine whose records report it.
    """
    records = (RECORDING / "journal-kernel.json").read_bytes()
    other = records.replace(b'"_MACHINE_ID":"', b'"_MACHINE_ID":"' + b"f" * 32 + b'","_WAS":"')
    one = {event.id for event in events_of(records)}
    both = events_of(records + other)
    assert {event.id for event in both if event.host.id != "f" * 32} == one
    assert len(both) == 2 * len(one)


def test_user_space_killers_are_understood() -> None:
    """
    The message of a user-space killer such as earlyoom, which leaves no kernel line, is a kill.
    """
    line = 'Feb 20 10:59:34 debian earlyoom[10231]: sending SIGTERM to process 7378 uid 1000 "tail": oom_score 156\n'
    (event,) = events_of(line.encode())
    assert event.exit137.oom is not None
    assert event.exit137.oom.killer is Killer.EARLYOOM


def test_a_line_of_user_space_has_the_time_of_its_prefix() -> None:
    """
    A killer's message has the time of its line prefix, as a kernel line has.
    """
    line = (
        '2026-02-20T10:59:34+01:00 debian earlyoom[10231]: sending SIGTERM to process 7378 uid 1000 "tail": oom_score 9'
    )
    (event,) = events_of(line.encode())
    assert event.time_ns == 1771581574000000000


def test_events_come_in_the_order_of_the_text() -> None:
    """
    Events come in the order of the text, even if a kill without a container waits for evidence until its end.
    """
    bare = "[   99.000001] Memory cgroup out of memory: Killed process 41 (java) total-vm:9kB, anon-rss:7kB\n"
    pids = [event.process.pid for event in events_of((bare + KILL).encode()) if event.process is not None]
    assert pids == [41, 42]


def test_repeated_lines_are_one_event() -> None:
    """
    Lines that a text contains twice are one event, even without stamps.
    """
    unstamped = KILL.replace("[  100.000001] ", "").replace("[  100.000002] ", "")
    assert len(events_of((unstamped + unstamped).encode())) == 1


def test_a_kill_that_is_only_announced_is_likely() -> None:
    """
    A report that ends before the kernel's line of the kill gives a kill that is only likely.
    """
    (event,) = events_of(KILL.partition("\n")[0].encode())
    assert event.exit137.confidence is Confidence.LIKELY


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of real reports is not beside the repository")
@pytest.mark.parametrize("file", sorted(CORPUS.glob("*.log")), ids=lambda file: file.name[:2])
def test_every_real_text_gives_events_that_can_be_sent(file: Path) -> None:
    """
    Every text of the corpus gives events that can be written as JSON, also if it names no victim.
    """
    assert [to_json(event) for event in events_of(file.read_bytes())]


@given(st.binary(max_size=600))
def test_no_text_does_harm(noise: bytes) -> None:
    """
    Bytes before and after a report leave its events unchanged or make them unreadable, but never raise an error.
    """
    for event in events_of(noise + b"\n" + KILL.encode() + noise):
        assert to_json(event)
