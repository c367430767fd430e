"""
A recording played through the correlator: what a folder may hold, and what may be missing in it.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.replay import RecordingError, load, play
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


def test_a_recording_tells_the_kill_and_the_death(tmp_path: Path) -> None:
    """
    As a live host would have: the kernel's clock is fitted to Docker's where there is no journal.
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
    Its clock is the recording's own.
    """
    folder = whole(tmp_path)
    assert events_of(folder) == events_of(folder)


def test_an_inspection_of_the_end_is_not_known_before_it(tmp_path: Path) -> None:
    """
    Only the configuration is: a container that still runs in the recording has not died.
    """
    events = b"\n".join([event("create", 0), event("start", 0.05)])
    running = INSPECT | {"State": {"Running": True, "Pid": 10, "StartedAt": "2026-09-21T14:13:20Z"}}
    assert events_of(write(tmp_path, events=events, inspect=orjson.dumps(running))) == []


@pytest.mark.parametrize("missing", ["kmsg.raw", "inspect.jsonl", "meta"])
def test_parts_may_be_missing(tmp_path: Path, missing: str) -> None:
    """
    The death is told all the same.
    """
    (whole(tmp_path) / missing).unlink()
    told = events_of(tmp_path)
    assert told[-1].type is EventType.CONTAINER_DEATH


def test_the_kernels_log_alone_is_a_recording(tmp_path: Path) -> None:
    """
    It has the kills.
    """
    assert [told.type for told in events_of(write(tmp_path, kmsg=kmsg()))] == [EventType.OOM_KILL]


def test_broken_lines_are_passed_over(tmp_path: Path) -> None:
    """
    A recording may be cut off anywhere.
    """
    folder = whole(tmp_path)
    for path in folder.iterdir():
        if path.name != "meta":
            path.write_bytes(b"{broken\n" + path.read_bytes() + b'\n{"cut": ')
    recording = load(folder)
    assert [told.exit137.cause for told in play(recording)][-1] is Cause.OOM_KILL
    assert set(recording.unreadable) == {"kmsg.raw", "events.jsonl", "inspect.jsonl"}
    assert recording.unreadable["events.jsonl"] == 2


@pytest.mark.parametrize("name", ["kmsg.raw", "events.jsonl"])
def test_a_recording_of_which_nothing_can_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """
    An empty answer would say that nothing happened.
    """
    (tmp_path / name).write_bytes(b"garbage\n")
    with pytest.raises(RecordingError):
        load(tmp_path)


def test_an_inspection_of_the_next_run_is_not_known_before_its_start(tmp_path: Path) -> None:
    """
    Made after a restart, it shows the end of the run before as well.
    """
    events = [event("create", 0), event("start", 0.05), event("kill", 9.9, signal="15")]
    events += [event("die", 10, exitCode="143"), event("stop", 10.05), event("start", 10.3), event("restart", 10.4)]
    state = {"Running": True, "Pid": 77, "ExitCode": 0, "StartedAt": "2026-09-21T14:13:30.25Z"}
    inspect = INSPECT | {"State": state | {"FinishedAt": "2026-09-21T14:13:29.98Z"}}
    folder = write(tmp_path, kmsg=kmsg(), events=b"\n".join(events), inspect=orjson.dumps(inspect))
    deaths = [told for told in events_of(folder) if told.type is EventType.CONTAINER_DEATH]
    assert [death.exit137.cause for death in deaths] == [Cause.DOCKER_STOP]


def test_lines_that_user_space_wrote_to_the_kernels_log_are_refused(tmp_path: Path) -> None:
    """
    As a live host refuses them.
    """
    assert events_of(write(tmp_path, kmsg=record(1, killed(10), priority=11))) == []


def test_a_folder_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    """
    With what is missing in it.
    """
    with pytest.raises(RecordingError, match=r"neither kmsg\.raw nor events\.jsonl is there"):
        load(tmp_path)


def test_a_part_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """
    A folder where a file should be, or one that the user may not read.
    """
    (whole(tmp_path) / "meta").unlink()
    (tmp_path / "meta").mkdir()
    with pytest.raises(RecordingError, match=r"meta: cannot be read"):
        load(tmp_path)


def test_a_kill_without_any_clock_has_no_time(tmp_path: Path) -> None:
    """
    The kernel counts from its boot, and nothing tells when that was.
    """
    (kill,) = events_of(write(tmp_path, kmsg=kmsg()))
    assert kill.time_ns is None


def test_the_line_of_old_kernels_fits_the_clocks_too(tmp_path: Path) -> None:
    """
    Before 5.0 the cgroup stands in a line of its own.
    """
    folder = whole(tmp_path)
    task = f"Task in /docker/{A} killed as a result of limit of /docker/{A}"
    write(folder, kmsg=record(1, task, seconds=109.9) + record(2, killed(10), seconds=109.9))
    kill, death = events_of(folder)
    assert kill.time_ns == FIRST_NS + 10 * SECOND
    assert death.exit137.cause is Cause.OOM_KILL


def test_other_entries_of_the_journal_tell_host_and_clocks(tmp_path: Path) -> None:
    """
    Where the kernel's own are missing: they have both clocks and the machine.
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


def test_without_a_kernel_log_docker_is_believed_more(tmp_path: Path) -> None:
    """
    That no line tells of an OOM says nothing where there are no lines.
    """
    events = b"\n".join([event("start", 0.05), event("oom", 9.9), event("die", 10, exitCode="137")])
    (death,) = events_of(write(tmp_path, events=events))
    assert (death.exit137.cause, death.exit137.confidence) == (Cause.OOM_KILL, Confidence.LIKELY)


def test_an_end_that_only_the_inspection_shows_is_judged_after_it(tmp_path: Path) -> None:
    """
    The event of it was cut off: what happened until the end counts all the same.
    """
    folder = whole(tmp_path)
    write(folder, events=b"\n".join([event("create", 0), event("start", 0.05), event("oom", 9.95)]))
    assert [told.exit137.cause for told in events_of(folder)] == [None, Cause.OOM_KILL]
