"""
The answer of docker inspect.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from parsers.docker_inspect import Mount, SeccompProfile, image_tag, parse_inspect
from parsers.errors import ParseError

ID = "4e1d" * 16
_RECORDING = Path(__file__).parents[4] / "shared/recordings/debian12-docker20-cgroup2/inspect.jsonl"


def _answer(**state: object) -> dict[str, Any]:
    return {
        "Id": ID,
        "Name": "/web-1",
        "Created": "2026-11-22T08:53:19.20130204Z",
        "Path": "sh",
        "Args": ["-c", "echo 'a b'"],
        "Image": "sha256:166b",
        "RestartCount": 2,
        "State": {
            "Status": "exited",
            "Running": False,
            "Pid": 0,
            "ExitCode": 137,
            "OOMKilled": True,
            **state,
        },
        "Config": {"Image": "web:1", "Labels": {"team": "blue"}, "Env": ["SECRET=1"], "StopSignal": "SIGINT"},
        "HostConfig": {
            "Memory": 33554432,
            "MemorySwap": -1,
            "MemoryReservation": 0,
            "AutoRemove": True,
            "Init": None,
        },
    }


def test_identity_and_end() -> None:
    """
    A snapshot says which container it is and how its last run ended.
    """
    snapshot = parse_inspect(_answer())
    assert (snapshot.id, snapshot.name, snapshot.image_name, snapshot.image_tags) == (
        ID,
        "web-1",
        "web:1",
        ("1",),
    )
    assert (snapshot.exit_code, snapshot.oom_killed, snapshot.restart_count) == (137, True, 2)
    assert snapshot.labels == {"team": "blue"}


def test_array_of_one_is_accepted() -> None:
    """
    The array that the command prints gives the same as the object that the engine sends.
    """
    answer = _answer()
    assert parse_inspect([answer]) == parse_inspect(answer) == parse_inspect(json.dumps([answer]).encode())


def test_command_can_be_pasted_into_a_shell() -> None:
    """
    Path and arguments are quoted where a shell needs it.
    """
    assert parse_inspect(_answer()).command == """sh -c 'echo '"'"'a b'"'"''"""


def test_zero_is_no_pid_and_no_limit() -> None:
    """
    The engine writes 0 for a missing pid or limit; -1 is unlimited swap.
    """
    snapshot = parse_inspect(_answer(Pid=0))
    assert snapshot.pid is None
    assert snapshot.memory_reservation_bytes is None
    assert (snapshot.memory_limit_bytes, snapshot.memory_swap_bytes) == (33554432, -1)


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:01.000000007Z", 1_000_000_007),
        ("1970-01-01T01:00:01.5+01:00", 1_500_000_000),
        ("1969-12-31T23:30:01-00:30", 1_000_000_000),
        ("0001-01-01T00:00:00Z", None),
        ("2026-02-30T00:00:00Z", None),
        ("9999-12-31T23:59:59+99:99", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_times(text: object, time_ns: int | None) -> None:
    """
    Times keep their nanoseconds and respect the zone; Go's zero time is None.
    """
    assert parse_inspect(_answer(StartedAt=text)).started_at_ns == time_ns


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("web", "latest"),
        ("web:1", "1"),
        ("registry.example:5000/team/web", "latest"),
        ("registry.example:5000/team/web:1.2", "1.2"),
        ("web@sha256:166b", None),
        ("sha256:166b", None),
    ],
)
def test_tag_of_an_image_name(image: str, tag: str | None) -> None:
    """
    The port of a registry is not a tag, and a digest has none.
    """
    assert image_tag(image) == tag


def test_secrets_are_not_read() -> None:
    """
    A snapshot has no value of the environment.
    """
    assert "SECRET" not in repr(parse_inspect(_answer()))


def test_odd_types_are_missing_values() -> None:
    """
    A value of an unexpected type counts as missing.
    """
    answer = {
        "Id": ID,
        "State": {"Pid": "x", "ExitCode": [], "Error": 5},
        "Config": 7,
        "Args": "x",
        "Name": None,
    }
    snapshot = parse_inspect(answer)
    assert (snapshot.pid, snapshot.exit_code, snapshot.error, snapshot.labels) == (None, None, None, {})


@pytest.mark.parametrize("answer", [b"", b"[]", b"[1, 2]", b'{"Id": ""}', b'{"Id": "a"}', b"null", b"[" * 100_000])
def test_garbage_is_a_parse_error(answer: bytes) -> None:
    """
    An answer that does not describe a container raises ParseError.
    """
    with pytest.raises(ParseError):
        parse_inspect(answer)


def test_recorded_answers() -> None:
    """
    Each recorded container has a command and a creation time; it runs, has ended, or could not be started.
    """
    if not _RECORDING.exists():
        pytest.skip("the recordings are not beside the repository")
    answers = [line for line in _RECORDING.read_bytes().splitlines() if line.strip() not in (b"", b"[]")]
    snapshots = [parse_inspect(line) for line in answers]
    assert all(snapshot.command and snapshot.created_at_ns for snapshot in snapshots)
    assert all(snapshot.finished_at_ns or snapshot.running or snapshot.error for snapshot in snapshots)
    assert any(snapshot.oom_killed for snapshot in snapshots)


@pytest.mark.parametrize(
    ("host", "profile"),
    [
        ({}, SeccompProfile.DEFAULT),
        ({"SecurityOpt": ["label=disable", "seccomp=builtin"]}, SeccompProfile.DEFAULT),
        ({"SecurityOpt": ["seccomp=unconfined"]}, SeccompProfile.UNCONFINED),
        ({"SecurityOpt": ["seccomp:unconfined"]}, SeccompProfile.UNCONFINED),
        ({"Privileged": True}, SeccompProfile.UNCONFINED),
        ({"Privileged": True, "SecurityOpt": ['seccomp={\n"defaultAction":"SCMP_ACT_KILL"}']}, SeccompProfile.CUSTOM),
        ({"SecurityOpt": None}, SeccompProfile.DEFAULT),
        ({"SecurityOpt": [7]}, SeccompProfile.DEFAULT),
    ],
)
def test_the_seccomp_profile(host: dict[str, object], profile: SeccompProfile) -> None:
    """
    The option of docker run decides; a privileged container without one has no profile.
    """
    assert parse_inspect({**_answer(), "HostConfig": host}).seccomp is profile


def test_the_layers() -> None:
    """
    The directories of the container's file system, the upper one first; other storage drivers name none.
    """
    data = {"UpperDir": "/docker/o/up/diff", "LowerDir": "/docker/o/init/diff:/docker/o/base/diff", "MergedDir": "/m"}
    driver = {"Name": "overlay2", "Data": data}
    found = parse_inspect({**_answer(), "GraphDriver": driver}).layers
    assert found == ("/docker/o/up/diff", "/docker/o/init/diff", "/docker/o/base/diff")
    for other in (None, {"Name": "vfs", "Data": None}, {"Data": {"UpperDir": "/u"}}, {"Data": {"LowerDir": 7}}):
        assert parse_inspect({**_answer(), "GraphDriver": other}).layers == ()


def test_the_mounts() -> None:
    """
    Volumes and bind mounts with their place on the host, and what is mounted without one.
    """
    listed = [
        {"Type": "volume", "Source": "/docker/volumes/data/_data", "Destination": "/data"},
        {"Type": "tmpfs", "Source": "", "Destination": "/scratch"},
        {"Type": "npipe", "Source": "pipe", "Destination": "relative"},
        7,
    ]
    found = parse_inspect({**_answer(), "Mounts": listed, "HostConfig": {"Tmpfs": {"/run": "size=1m"}}}).mounts
    assert found == (
        Mount(destination="/run"),
        Mount(destination="/data", source="/docker/volumes/data/_data"),
        Mount(destination="/scratch"),
    )
    assert parse_inspect({**_answer(), "Mounts": "none"}).mounts == ()


@pytest.mark.parametrize(
    ("host", "shm_bytes"),
    [
        ({"ShmSize": 67108864, "IpcMode": "private"}, 67108864),
        ({"ShmSize": 67108864}, 67108864),
        ({"ShmSize": 67108864, "IpcMode": "host"}, None),
        ({"ShmSize": 67108864, "IpcMode": "container:4e1d"}, None),
        ({}, None),
    ],
)
def test_the_size_of_shared_memory(host: dict[str, object], shm_bytes: int | None) -> None:
    """
    A container has its own /dev/shm unless it shares that of the host or of another container.
    """
    assert parse_inspect({**_answer(), "HostConfig": host}).shm_bytes == shm_bytes
