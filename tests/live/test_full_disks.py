"""
Containers that end because a file system has no room: the death names the one that is full.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.agent import Agent
from tests.lab.box import Box
from tests.lab.lab import Lab
from tests.lab.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """
    A file system of the host with room for 2 MiB.
    """
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "small", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def death_of(agent: Agent, box: Box) -> dict[str, Any]:
    """
    Return what the death of a container says.
    """

    def found() -> list[dict[str, Any]]:
        of_box = [event for event in agent.events() if event["subject"] == f"container/{box.id}"]
        return [event["data"]["exit137"] for event in of_box if event["type"] == "exit137.container_death"]

    wait_until(lambda: bool(found()), 60, "the death is published")
    (death,) = found()
    return death


def test_a_mapped_file_on_a_full_mount(small: Path, agent: Agent, lab: Lab) -> None:
    """
    A death by SIGBUS names the mount that has no room, and not the limit of a /dev/shm that was not used.
    """
    box = lab.run("/bin/crash", "shm", volumes=[f"{small}:/dev/shm"])
    box.wait(135)
    death = death_of(agent, box)
    box.container.remove()
    assert (death["cause"], death["crash"]["signal"]) == ("crash", 7)
    (advice,) = death["advice"]
    assert advice["kind"] == "disk"
    assert "shm has 0 B of 2 MiB free" in advice["reason"]


def test_a_program_that_meets_a_full_mount(small: Path, agent: Agent, lab: Lab) -> None:
    """
    The advice that the last words call for has the figures of the mount in them.
    """
    script = "/bin/busybox dd if=/dev/zero of=/data/file bs=1M || exit 3"
    box = lab.run("/bin/sh", "-c", script, volumes=[f"{small}:/data"])
    box.wait(3)
    death = death_of(agent, box)
    box.container.remove()
    (advice,) = death["advice"]
    assert advice["kind"] == "disk"
    assert "The mount /data has 0 B of 2 MiB free" in advice["reason"]
