"""
Tests of what `exit137 check` says of the engines of Podman.
"""

from pathlib import Path
from typing import Any

from collector.sources.base import PrivilegeError
from collector.sources.podman.survey import survey
from parsers.engine import ContainerEngine, EngineName
from tests.unit.collector.sources.devices import Engine

ROOTS = "unix:///nowhere/podman.sock"
USERS = "unix:///run/user/1000/podman/podman.sock"
OTHERS = "unix:///run/user/1001/podman/podman.sock"


def engine(version: str) -> Engine:
    made = Engine()
    made.identity = ContainerEngine(name=EngineName.PODMAN, version=version)
    return made


async def test_every_engine_is_named_with_its_version_and_user() -> None:
    """
    Also where one of them cannot be asked, with the reason.
    """
    engines = {ROOTS: engine("5.4.2"), USERS: engine("4.3.1"), OTHERS: engine("4.9.3")}
    engines[OTHERS].failure = PrivilegeError("permission denied", "add a group")
    connect: Any = lambda url: engines[url].connect(url)  # noqa: E731 (one expression)
    found = (await survey([ROOTS, USERS, OTHERS], connect)).split("; ", 2)
    assert "5.4.2" in found[0]
    assert ROOTS in found[0]
    assert all(word in found[1] for word in ("4.3.1", "1.41", "user 1000", USERS))
    assert all(word in found[2] for word in (OTHERS, "permission denied", "add a group"))


async def test_a_file_of_events_is_named_with_its_user(tmp_path: Path) -> None:
    file = tmp_path / "events.log"
    file.touch()
    assert str(file) in await survey([f"file://{file}"])
