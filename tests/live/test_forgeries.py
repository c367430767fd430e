"""
Tests that repeat attacks on the verdicts: a local user, and root in a container, want the agent to publish a falsehood.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from parsers.killers import UNIT_OOMD_KILL
from sinks.event import Cause, EventType
from tests.lab.agent import Agent
from tests.lab.box import Box
from tests.lab.host import CGROUP_V2
from tests.lab.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
_SENDER: Final = Path(__file__).with_name("programs") / "journal.c"
_HOG: Final = Path(__file__).parents[1] / "lab/hog.c"
_SYSTEMD: Final = "/usr/lib/systemd/systemd"
_NOBODY: Final = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
_MEMORY_CGROUPS: Final = Path("/sys/fs/cgroup" if CGROUP_V2 else "/sys/fs/cgroup/memory")
_VERDICT_S: Final = 90.0
_REMOVED_AT_ONCE: Final = 25


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A folder that everybody may read, with the attackers' programs.
    """
    folder = tmp_path_factory.mktemp("programs")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "journal.so", _SENDER], check=True)
    subprocess.run(["gcc", "-static", "-o", folder / "earlyoom", _SENDER], check=True)
    subprocess.run(["gcc", "-O1", "-static", "-o", folder / "hog", _HOG], check=True)
    for name in ("runc", "dockerd-x"):
        shutil.copy("/bin/kill", folder / name)
    return folder


def _data(agent: Agent, kind: EventType, box: Box) -> list[dict[str, Any]]:
    ours = [event for event in agent.events() if event["type"] == kind.value]
    return [event["data"]["exit137"] for event in ours if event["subject"] == f"container/{box.id}"]


def _death(agent: Agent, box: Box) -> dict[str, Any]:
    agent.wait_for(lambda _: _data(agent, EventType.CONTAINER_DEATH, box), _VERDICT_S, f"the death of {box.name}")
    (death,) = _data(agent, EventType.CONTAINER_DEATH, box)
    return death


def _held(lab: Lab, **options: Any) -> Box:  # noqa: ANN401 (Docker's own)
    box = lab.run("hold", "sleep:60000", **options)
    box.hold()
    return box


def test_systemd_with_a_preloaded_library_is_not_believed(lab: Lab, agent: Agent, programs: Path) -> None:
    """
    A record that nobody sends out of systemd's own program gives no kill, and does not explain a death.
    """
    box = _held(lab)
    unit = f"docker-{box.id}.scope"
    record = f"MESSAGE={unit}: systemd-oomd killed 3 process(es) in this unit.\nUSER_UNIT={unit}\n"
    record += f"UNIT={unit}\nMESSAGE_ID={UNIT_OOMD_KILL}\nSYSLOG_IDENTIFIER=systemd\n"
    preloaded = ["env", f"LD_PRELOAD={programs / 'journal.so'}", _SYSTEMD, "--user"]
    subprocess.run([*_NOBODY, *preloaded], env={**os.environ, "RECORD": record}, check=True)
    os.kill(box.main_pid(), signal.SIGKILL)
    assert _death(agent, box)["cause"] == Cause.SIGNAL.value
    assert _data(agent, EventType.OOM_KILL, box) == []


def test_root_in_a_container_is_not_earlyoom(lab: Lab, agent: Agent, programs: Path) -> None:
    """
    A container with the journal's socket forges a line of earlyoom, which gives no kill and does not explain a death.
    """
    box = _held(lab)
    line = f'sending SIGKILL to process {box.main_pid()} uid 0 "hog": oom_score 900, VmRSS 64 MiB'
    forger = lab.run(
        "/programs/earlyoom",
        volumes=[f"{programs}:/programs:ro", "/run/systemd/journal:/run/systemd/journal"],
        environment={"RECORD": f"MESSAGE={line}\nSYSLOG_IDENTIFIER=earlyoom\n"},
    )
    forger.wait(0)
    box.container.kill()
    assert _death(agent, box)["cause"] == Cause.DOCKER_KILL.value
    assert _data(agent, EventType.OOM_KILL, box) == []


@contextmanager
def _cgroup_named_like(box: Box, limit_mib: int) -> Iterator[Path]:
    """
    Create a cgroup that is named like a container's, in another place.
    """
    if CGROUP_V2:
        pytest.skip("the step `forgeries` of the machines does this as a user")
    group = _MEMORY_CGROUPS / "users/docker" / box.id
    group.mkdir(parents=True)
    (group / "memory.limit_in_bytes").write_text(str(limit_mib << 20))
    try:
        yield group
    finally:
        group.rmdir()
        group.parent.rmdir()
        group.parent.parent.rmdir()


def test_cgroup_of_that_name_is_not_the_container(lab: Lab, agent: Agent, programs: Path) -> None:
    """
    A process of the host that the kernel kills in a cgroup named like a container's is not the container's.
    """
    box = _held(lab)
    with _cgroup_named_like(box, limit_mib=32) as group:
        victim = ["sh", "-c", f"echo $$ > {group}/cgroup.procs; exec {programs}/hog name:foreign eat:64"]
        killed = subprocess.run(victim, check=False)
        agent.wait_for(lambda events: "foreign" in str(events), _VERDICT_S, "the kill is published")
    assert killed.returncode == -signal.SIGKILL
    assert _data(agent, EventType.OOM_KILL, box) == []
    os.kill(box.main_pid(), signal.SIGKILL)
    assert _death(agent, box)["cause"] == Cause.SIGNAL.value


@pytest.mark.parametrize("name", ["runc", "dockerd-x"])
def test_copy_of_kill_is_not_docker(lab: Lab, agent: Agent, programs: Path, name: str) -> None:
    """
    A signal that nobody sends with a copy of kill, named like a program of Docker, did not come through Docker.
    """
    box = _held(lab, user="65534:65534")
    subprocess.run([*_NOBODY, programs / name, "-9", str(box.main_pid())], check=True)
    assert _death(agent, box)["cause"] == Cause.SIGNAL.value


def test_removal_of_many_is_never_certainly_a_kill(lab: Lab, agent: Agent) -> None:
    """
    Of many containers that docker rm -f removes at once, none is published as docker kill for certain.
    """
    boxes = [lab.run("sleep:600000") for _ in range(_REMOVED_AT_ONCE)]
    for box in boxes:
        box.main_pid()
    with ThreadPoolExecutor(_REMOVED_AT_ONCE) as pool:
        list(pool.map(lambda box: box.container.remove(force=True), boxes))
    agent.wait_for(
        lambda _: all(_data(agent, EventType.CONTAINER_DEATH, box) for box in boxes), _VERDICT_S, "all deaths"
    )
    verdicts = [(death["cause"], death["confidence"]) for death in (_death(agent, box) for box in boxes)]
    assert [cause for cause, confidence in verdicts if confidence == "certain"] == []
    assert (Cause.DOCKER_RM.value, "likely") in verdicts
