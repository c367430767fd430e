"""
Tests of the replay: what a recording may contain, and what may be missing.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.recordings.replay import RecordingError, load, play
from parsers.killers import UNIT_OUT_OF_MEMORY
from sinks.event import Cause, Confidence, Event, EventType
from tests.unit.collector.correlate.scene import BOOT_ID, A, killed, scope_path, summary
from tests.unit.collector.sources.devices import record

FIRST_NS = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
META = f"6.1.0-56\n20.10.24\ncgroup_v2=True\nsystemd\n{BOOT_ID}\n"
INSPECT = {
    "Id": A,
    "Name": "/box-a",
    "Created": "2026-09-21T14:13:20Z",
    "State": {
        "Running": False,
        "ExitCode": 137,
        "OOMKilled": False,
        "StartedAt": "2026-09-21T14:13:20Z",
        "FinishedAt": "2026-09-21T14:13:30Z",
    },
    "Config": {"Image": "shop/api:1", "Labels": {"team": "shop"}},
    "HostConfig": {"Memory": 67108864},
}


def event(action: str, at_s: float, **attributes: str) -> bytes:
    message: dict[str, Any] = {"Type": "container", "Action": action, "timeNano": FIRST_NS + round(at_s * SECOND)}
    return orjson.dumps(message | {"Actor": {"ID": A, "Attributes": attributes}})


def kmsg() -> bytes:
    path = scope_path(A)
    return record(1, summary(10, path), seconds=109.9) + record(2, killed(10), seconds=109.9)


def write(folder: Path, **files: bytes) -> Path:
    names = {"kmsg": "kmsg.raw", "events": "events.jsonl", "inspect": "inspect.jsonl", "meta": "meta"}
    for name, content in files.items():
        (folder / names[name]).write_bytes(content)
    return folder


def events_of(folder: Path) -> list[Event]:
    return list(play(load(folder)))


def whole(folder: Path) -> Path:
    events = b"\n".join([event("create", 0), event("start", 0.05), event("die", 10, exitCode="137")])
    return write(folder, kmsg=kmsg(), events=events, inspect=orjson.dumps(INSPECT), meta=META.encode())


def test_a_recording_gives_the_kill_and_the_death(tmp_path: Path) -> None:
    """
    A recording gives the events of a live host; without a journal the kernel's clock is fitted to Docker's.
    """
    kill, death = events_of(whole(tmp_path))
    assert (kill.type, death.type) == (EventType.OOM_KILL, EventType.CONTAINER_DEATH)
    assert kill.container is not None
    assert (kill.container.name, kill.container.labels) == ("box-a", {"team": "shop"})
    assert death.exit137.death is not None
    assert death.exit137.death.oom_kill_ids == (kill.id,)
    assert (death.host.boot and death.host.boot.id, death.host.os and death.host.os.kernel) == (BOOT_ID, "6.1.0-56")


def test_a_replay_gives_the_same_each_time(tmp_path: Path) -> None:
    """
    A replay uses the recording's own clock, so it gives the same events each time.
    """
    folder = whole(tmp_path)
    assert events_of(folder) == events_of(folder)


def test_an_inspection_of_the_end_is_not_known_before_it(tmp_path: Path) -> None:
    """
    Before a death only the configuration of its inspection is known: a container that still runs has not died.
    """
    events = b"\n".join([event("create", 0), event("start", 0.05)])
    running = INSPECT | {"State": {"Running": True, "Pid": 10, "StartedAt": "2026-09-21T14:13:20Z"}}
    assert events_of(write(tmp_path, events=events, inspect=orjson.dumps(running))) == []


@pytest.mark.parametrize("missing", ["kmsg.raw", "inspect.jsonl", "meta"])
def test_parts_may_be_missing(tmp_path: Path, missing: str) -> None:
    """
    The death is found even if one of the files is missing.
    """
    (whole(tmp_path) / missing).unlink()
    events = events_of(tmp_path)
    assert events[-1].type is EventType.CONTAINER_DEATH


def test_the_kernels_log_alone_is_a_recording(tmp_path: Path) -> None:
    """
    The kernel log alone gives the kills.
    """
    assert [one.type for one in events_of(write(tmp_path, kmsg=kmsg()))] == [EventType.OOM_KILL]


def test_broken_lines_are_skipped(tmp_path: Path) -> None:
    """
    Broken lines are skipped, because a recording may be cut off anywhere.
    """
    folder = whole(tmp_path)
    for path in folder.iterdir():
        if path.name != "meta":
            path.write_bytes(b"{broken\n" + path.read_bytes() + b'\n{"cut": ')
    recording = load(folder)
    assert [one.exit137.cause for one in play(recording)][-1] is Cause.OOM_KILL
    assert set(recording.unreadable) == {"kmsg.raw", "events.jsonl", "inspect.jsonl"}
    assert recording.unreadable["events.jsonl"] == 2


@pytest.mark.parametrize("name", ["kmsg.raw", "events.jsonl"])
def test_a_recording_of_which_nothing_can_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """
    A recording in which nothing can be read is refused: an empty result would claim that nothing happened.
    """
    (tmp_path / name).write_bytes(b"garbage\n")
    with pytest.raises(RecordingError):
        load(tmp_path)


def test_an_inspection_of_the_next_run_is_not_known_before_its_start(tmp_path: Path) -> None:
    """
    An inspection made after a restart, which also shows the end of the run before, is not used before that restart.
    """
    events = [event("create", 0), event("start", 0.05), event("kill", 9.9, signal="15")]
    events += [event("die", 10, exitCode="143"), event("stop", 10.05), event("start", 10.3), event("restart", 10.4)]
    state = {"Running": True, "Pid": 77, "ExitCode": 0, "StartedAt": "2026-09-21T14:13:30.25Z"}
    inspect = INSPECT | {"State": state | {"FinishedAt": "2026-09-21T14:13:29.98Z"}}
    folder = write(tmp_path, kmsg=kmsg(), events=b"\n".join(events), inspect=orjson.dumps(inspect))
    deaths = [one for one in events_of(folder) if one.type is EventType.CONTAINER_DEATH]
    assert [death.exit137.cause for death in deaths] == [Cause.DOCKER_STOP]


def test_lines_that_user_space_wrote_to_the_kernels_log_are_refused(tmp_path: Path) -> None:
    """
    Kernel log records that user space wrote are refused, as on a live host.
    """
    assert events_of(write(tmp_path, kmsg=record(1, killed(10), priority=11))) == []


def test_a_folder_that_is_not_a_recording_is_refused(tmp_path: Path) -> None:
    """
    A folder without any file of a recording is refused, with an error that names them.
    """
    with pytest.raises(RecordingError, match=r"contains none of kmsg\.raw, events\.jsonl, inspect\.jsonl, journal-"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["kmsg.raw", "events.jsonl", "inspect.jsonl"])
def test_any_file_of_a_recording_is_enough(tmp_path: Path, name: str) -> None:
    """
    A person may have saved only one of the files.
    """
    folder = whole(tmp_path)
    for file in folder.iterdir():
        if file.name != name:
            file.unlink()
    assert load(folder).unreadable == {}


def test_a_part_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """
    If a file cannot be read, for example because it is a folder, the error names it.
    """
    (whole(tmp_path) / "meta").unlink()
    (tmp_path / "meta").mkdir()
    with pytest.raises(RecordingError, match=r"meta: cannot be read"):
        load(tmp_path)


def test_a_kill_without_any_clock_has_no_time(tmp_path: Path) -> None:
    """
    A kill has no time if nothing in the recording shows when the kernel's clock started.
    """
    (kill,) = events_of(write(tmp_path, kmsg=kmsg()))
    assert kill.time_ns is None


def test_the_line_of_old_kernels_fits_the_clocks_too(tmp_path: Path) -> None:
    """
    The clocks are also joined by the cgroup line of kernels before 5.0.
    """
    folder = whole(tmp_path)
    task = f"Task in /docker/{A} killed as a result of limit of /docker/{A}"
    write(folder, kmsg=record(1, task, seconds=109.9) + record(2, killed(10), seconds=109.9))
    kill, death = events_of(folder)
    assert kill.time_ns == FIRST_NS + 10 * SECOND
    assert death.exit137.cause is Cause.OOM_KILL


def test_other_journal_entries_give_host_and_clocks(tmp_path: Path) -> None:
    """
    Without kernel entries, the journal's other entries give the host and the offset of the clocks.
    """
    write(tmp_path, kmsg=kmsg())
    fields = {
        "_BOOT_ID": BOOT_ID,
        "_MACHINE_ID": "1" * 32,
        "_HOSTNAME": "node-7",
        "__REALTIME_TIMESTAMP": str(FIRST_NS // 1000),
        "__MONOTONIC_TIMESTAMP": "100000000",
        "MESSAGE": "Started docker.service.",
    }
    export = "".join(f"{name}={value}\n" for name, value in fields.items())
    (tmp_path / "journal-units.export").write_text(f"{export}\n")
    (kill,) = events_of(tmp_path)
    assert (kill.host.id, kill.host.hostname) == ("1" * 32, "node-7")
    assert kill.time_ns == FIRST_NS + 9_900_000_000


def test_without_a_kernel_log_docker_counts_for_more(tmp_path: Path) -> None:
    """
    Without a kernel log, the absence of OOM lines is not evidence against Docker's `oom` event.
    """
    events = b"\n".join([event("start", 0.05), event("oom", 9.9), event("die", 10, exitCode="137")])
    (death,) = events_of(write(tmp_path, events=events))
    assert (death.exit137.cause, death.exit137.confidence) == (Cause.OOM_KILL, Confidence.LIKELY)


def test_an_end_without_an_event_is_judged_after_its_inspection(tmp_path: Path) -> None:
    """
    A death whose event was cut off is judged after the inspection that shows it, so that all earlier facts count.
    """
    folder = whole(tmp_path)
    write(folder, events=b"\n".join([event("create", 0), event("start", 0.05), event("oom", 9.95)]))
    assert [one.exit137.cause for one in events_of(folder)] == [None, Cause.OOM_KILL]


def test_the_lines_of_systemd_alone_are_kills(tmp_path: Path) -> None:
    """
    Without a kernel log, a line of systemd about a container's unit is a kill of a process that it does not name.
    """
    fields = {
        "__CURSOR": "s=2c;i=0",
        "__REALTIME_TIMESTAMP": str(FIRST_NS // 1000),
        "_PID": "1",
        "MESSAGE_ID": UNIT_OUT_OF_MEMORY,
        "UNIT": f"docker-{A}.scope",
        "MESSAGE": f"docker-{A}.scope: The kernel OOM killer killed some processes in this unit.",
    }
    entry = "".join(f"{name}={value}\n" for name, value in fields.items())
    (tmp_path / "journal-units.export").write_text(entry + "\n", encoding="utf-8")
    (kill,) = events_of(tmp_path)
    assert kill.type is EventType.OOM_KILL
    assert kill.container is not None
    assert kill.container.id == A
    assert kill.exit137.oom is not None
    assert not kill.exit137.oom.victims
    write(tmp_path, kmsg=kmsg(), meta=META.encode())
    assert [len(event.exit137.oom.victims) for event in events_of(tmp_path) if event.exit137.oom is not None] == [1]


@pytest.mark.parametrize(("name", "content"), [("meta", b"\xff\n"), ("meta", b""), ("vmstat", b"nonsense\n")])
def test_a_damaged_small_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    """
    A `meta` without its five lines and a `vmstat` without the counter are reported, although nothing else is lost.
    """
    folder = whole(tmp_path)
    (folder / name).write_bytes(content)
    assert load(folder).unreadable == {name: 1}
