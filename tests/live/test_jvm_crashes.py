"""
Real JVMs that crash in containers: the death has the calls from the report that the JVM leaves behind.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import docker
import pytest

from tests.lab.agent import Agent
from tests.lab.box import Box
from tests.lab.lab import Lab
from tests.lab.waiting import wait_until

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("javac") is None, reason="needs a JDK"),
]
PROGRAMS: Final = Path(__file__).parent / "programs"
# The host's own JVM, which an image without a network does not have.
HOST_PROGRAMS: Final = tuple(
    f"{path}:{path}:ro" for path in ("/usr", "/lib", "/lib64", "/etc/alternatives", "/etc/java-17-openjdk")
)
ABORTED: Final = 134
SECRET: Final = "hunter2hunter2"  # noqa: S105 (that it is masked is what the test is about)


def crash_of(agent: Agent, box: Box) -> dict[str, Any]:
    """
    Return what the death of a container says of the crash.
    """

    def found() -> Sequence[dict[str, Any]]:
        of_box = [event for event in agent.events() if event["subject"] == f"container/{box.id}"]
        return [event["data"] for event in of_box if event["type"] == "exit137.container_death"]

    wait_until(lambda: bool(found()), 60, "the death is published")
    (death,) = found()
    assert (death["exit137"]["cause"], death["exit137"]["confidence"]) == ("crash", "certain")
    assert SECRET not in str(death)
    crash: dict[str, Any] = death["exit137"]["crash"]
    return crash


@pytest.mark.parametrize("place", ["layer", "mount", "unnamed"])
def test_the_report_of_a_jvm(place: str, agent: Agent, lab: Lab, tmp_path: Path) -> None:
    """
    The report is read from the working directory, in the container's own layer or in a mount, also if the log does not
    name it.
    """
    mounts = [*HOST_PROGRAMS, f"{PROGRAMS}:/programs:ro"]
    mounts += [f"{tmp_path}:/work"] if place == "mount" else []
    driver = {"log_config": docker.types.LogConfig(type="none")} if place == "unnamed" else {}
    options = ("-Xmx64m", f"-Ddb.password={SECRET}", "--add-modules", "jdk.unsupported")
    started = {"working_dir": "/work", "volumes": mounts, "init": True, **driver}
    box = lab.run("/usr/bin/java", *options, "/programs/Fault.java", **started)
    box.wait(ABORTED)
    crash = crash_of(agent, box)
    assert (crash.get("language"), crash["signal"]) == ("java" if place != "unnamed" else None, 6)
    assert any("Unsafe" in frame for frame in crash["frames"])
    # The log has only the first call.
    assert any("Fault.fault" in frame for frame in crash["frames"])
