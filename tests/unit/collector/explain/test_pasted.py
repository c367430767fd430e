"""
Events from pasted text.
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.explain.pasted import events_of
from collector.replay import load, play
from sinks.event import Confidence, EventType, Killer, to_json

RECORDING = Path(__file__).parents[3] / "recordings" / "debian12-docker20-cgroup2"
CORPUS = Path(__file__).parents[5] / "shared" / "corpus"
WITHOUT_VICTIM = {"52-kata-guest-4.14-head-truncated.log", "56-systemd-unit-journal-oom-kill.log"}
KILL = (
    "[  100.000001] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=c,mems_allowed=0,"
    "oom_memcg=/docker/{id},task_memcg=/docker/{id},task=java,pid=42,uid=0\n"
    "[  100.000002] Memory cgroup out of memory: Killed process 42 (java) total-vm:9kB, anon-rss:7kB, file-rss:1kB,"
    " shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:0\n"
).format(id="a" * 64)


def test_a_kill_names_process_container_and_limit() -> None:
    """
    Two lines are enough.
    """
    (event,) = events_of(KILL.encode())
    assert event.type is EventType.OOM_KILL
    assert event.subject == f"container/{'a' * 64}"
    assert event.process is not None
    assert (event.process.pid, event.process.name) == (42, "java")


def test_a_text_without_dates_gives_events_without_time() -> None:
    """
    Seconds since some boot say nothing about the day.
    """
    (event,) = events_of(KILL.encode())
    assert event.time_ns is None


def test_the_same_text_gives_the_same_id() -> None:
    """
    Two people who paste one log speak of one event.
    """
    assert events_of(KILL.encode())[0].id == events_of(KILL.encode())[0].id


def test_records_of_the_journal_give_the_ids_that_the_agent_gave() -> None:
    """
    They say which machine and which boot they are from.
    """
    pasted = events_of((RECORDING / "journal-kernel.json").read_bytes())
    kills = {event.id for event in play(load(RECORDING)) if event.type is EventType.OOM_KILL}
    assert {event.id for event in pasted if event.type is EventType.OOM_KILL} == kills != set()
    assert {event.host.hostname for event in pasted} != {None}


def test_records_of_two_machines_are_of_no_machine() -> None:
    """
    Of which of them a kill is, its lines alone do not tell.
    """
    records = (RECORDING / "journal-kernel.json").read_bytes().splitlines(keepends=True)
    other = (
        records[0]
        .replace(b'"_MACHINE_ID"', b'"_WAS_MACHINE_ID"')
        .replace(b"{", b'{"_MACHINE_ID":"' + b"f" * 32 + b'",', 1)
    )
    assert {event.host.id for event in events_of(other + b"".join(records))} == {None}


def test_user_space_killers_are_understood() -> None:
    """
    earlyoom leaves no kernel line.
    """
    line = 'Feb 20 10:59:34 debian earlyoom[10231]: sending SIGTERM to process 7378 uid 1000 "tail": oom_score 156\n'
    (event,) = events_of(line.encode())
    assert event.exit137.oom is not None
    assert event.exit137.oom.killer is Killer.EARLYOOM


def test_a_line_of_user_space_has_the_time_of_its_prefix() -> None:
    """
    As a line of the kernel has.
    """
    line = (
        '2026-02-20T10:59:34+01:00 debian earlyoom[10231]: sending SIGTERM to process 7378 uid 1000 "tail": oom_score 9'
    )
    (event,) = events_of(line.encode())
    assert event.time_ns == 1771581574000000000


def test_events_come_in_the_order_of_the_text() -> None:
    """
    A kill without a container waits for other evidence to the end of the text; it is told in its place all the same.
    """
    bare = "[   99.000001] Memory cgroup out of memory: Killed process 41 (java) total-vm:9kB, anon-rss:7kB\n"
    pids = [event.process.pid for event in events_of((bare + KILL).encode()) if event.process is not None]
    assert pids == [41, 42]


def test_lines_that_stand_there_twice_are_one_event() -> None:
    """
    Also where they have no stamp that tells so.
    """
    unstamped = KILL.replace("[  100.000001] ", "").replace("[  100.000002] ", "")
    assert len(events_of((unstamped + unstamped).encode())) == 1


def test_a_kill_that_is_only_announced_is_likely() -> None:
    """
    The text ends before the kernel's line of the kill.
    """
    (event,) = events_of(KILL.partition("\n")[0].encode())
    assert event.exit137.confidence is Confidence.LIKELY


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of real reports is not beside the repository")
@pytest.mark.parametrize("file", sorted(CORPUS.glob("*.log")), ids=lambda file: file.name[:2])
def test_every_real_text_gives_events_that_can_be_sent(file: Path) -> None:
    """
    Reports of many kernels, from start to JSON; where no victim is named there is nothing to tell.
    """
    sent = [to_json(event) for event in events_of(file.read_bytes())]
    assert bool(sent) is (file.name not in WITHOUT_VICTIM)


@given(st.binary(max_size=600))
def test_no_text_does_harm(noise: bytes) -> None:
    """
    Any bytes before and after a report leave it as it is, or make it one that cannot be read; nothing is raised.
    """
    for event in events_of(noise + b"\n" + KILL.encode() + noise):
        assert to_json(event)
