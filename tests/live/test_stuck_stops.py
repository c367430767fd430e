"""
Real kills that do not end: a frozen container, a main process that a tracer holds, and one that ignores SIGTERM.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import docker
import pytest

from tests.lab.agent import Agent
from tests.lab.box import Box
from tests.lab.engine import Engine
from tests.lab.host import CGROUP_V2
from tests.lab.lab import Lab
from tests.lab.waiting import wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
CONFIGURATION: Final = "[sources.stops]\ninterval_s = 0.5\n"
LIVES: Final = ("sleep:600000",)
STUCK_S: Final = 60.0
# The main process must have been seen alive: dead, it has left the cgroup by which it is found.
SEEN_S: Final = 5.0
# PTRACE_SEIZE follows a process without stopping it. The tracer never waits for it, as if it were hung.
TRACER: Final = """
import ctypes, sys, time
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(0x4206, int(sys.argv[1]), None, None) == 0, ctypes.get_errno()
print("attached", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def agent(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """
    An agent that looks at containers every half second.
    """
    agent = Agent(tmp_path_factory.mktemp("agent"), engine.url, more=CONFIGURATION)
    agent.start()
    yield agent
    agent.stop()


def states(agent: Agent, box: Box) -> list[dict[str, Any]]:
    """
    Return the events of a container that say that it is stuck, or no longer.
    """
    subject = f"container/{box.id}"
    return [e for e in agent.events() if e["subject"] == subject and e["type"] == "exit137.container_stuck"]


@contextmanager
def killed_by_docker(box: Box) -> Iterator[None]:
    """
    Send SIGKILL through Docker, which waits for the end and may give up.
    """

    def kill() -> None:
        with suppress(docker.errors.APIError):
            box.container.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    thread.join()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """
    Freeze the cgroup of a process by the freezer of cgroup v1.
    """
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    path = next(line.split(":", 2)[2] for line in lines if ":freezer:" in line)
    state = Path(f"/sys/fs/cgroup/freezer{path}/freezer.state")
    state.write_text("FROZEN")
    try:
        wait_until(lambda: state.read_text().strip() == "FROZEN", 10, f"{path} is frozen")
        yield
    finally:
        state.write_text("THAWED")


@contextmanager
def traced(pid: int) -> Iterator[int]:
    """
    Have a process traced by one that never looks at it; yield the pid of the tracer.
    """
    with subprocess.Popen([sys.executable, "-c", TRACER, str(pid)], stdout=subprocess.PIPE) as tracer:
        try:
            assert tracer.stdout is not None
            assert tracer.stdout.readline() == b"attached\n"
            yield tracer.pid
        finally:
            tracer.kill()


def stuck(agent: Agent, box: Box) -> dict[str, Any]:
    """
    Return the event of a kill that does not end, once it has been published.
    """
    agent.wait_for(lambda _: bool(states(agent, box)), STUCK_S, "the kill is stuck")
    (event,) = states(agent, box)
    return event


def ended(agent: Agent, box: Box) -> dict[str, Any]:
    """
    Return the event of the end of such a kill.
    """
    agent.wait_for(lambda _: len(states(agent, box)) > 1, STUCK_S, "the kill has ended")
    _, event = states(agent, box)
    return event


@pytest.mark.skipif(CGROUP_V2, reason="the freezer of cgroup v2 lets killed processes end")
def test_a_frozen_container_does_not_end(agent: Agent, lab: Lab) -> None:
    """
    The event names the freezer, and the end comes as soon as the container is thawed.

    Docker's own kill thaws the container first: this one is sent by root.
    """
    box = lab.run(*LIVES)
    with frozen(pid := box.main_pid()):
        os.kill(pid, signal.SIGKILL)
        event = stuck(agent, box)
        found = event["data"]["exit137"]
        assert (found["stuck"]["state"], found["stuck"]["reason"]) == ("stopping", "frozen")
        assert (found["stuck"]["task"]["pid"], found["confidence"]) == (pid, "certain")
        assert event["data"]["container"]["name"] == box.name
    assert ended(agent, box)["data"]["exit137"]["stuck"]["resolved"] is True


def test_a_traced_container_does_not_end(agent: Agent, lab: Lab) -> None:
    """
    The event names the tracer, and the end comes once the tracer is gone.
    """
    box = lab.run(*LIVES)
    with traced(pid := box.main_pid()) as tracer_pid:
        time.sleep(SEEN_S)
        with killed_by_docker(box):
            event = stuck(agent, box)
        task = event["data"]["exit137"]["stuck"]["task"]
        assert "Docker sent SIGKILL" in event["data"]["message"]
        assert (task["pid"], task["state"], task["tracer_pid"]) == (pid, "Z", tracer_pid)
    assert ended(agent, box)["data"]["exit137"]["stuck"]["resolved"] is True


@pytest.mark.long
def test_a_main_process_that_ignores_its_stop_signal(agent: Agent, lab: Lab) -> None:
    """
    With an endless grace period the container runs on; the event says that the program has no handler for SIGTERM.
    """
    box = lab.run(*LIVES)
    pid = box.main_pid()
    time.sleep(SEEN_S)
    stopping = threading.Thread(target=lambda: stop_without_end(box))
    stopping.start()
    found = stuck(agent, box)["data"]["exit137"]
    assert (found["stuck"]["state"], found["stuck"]["reason"]) == ("stopping", "signal_ignored")
    assert (found["stuck"]["task"]["pid"], found["confidence"]) == (pid, "certain")
    box.container.kill()
    stopping.join()
    assert ended(agent, box)["data"]["exit137"]["stuck"]["resolved"] is True


def stop_without_end(box: Box) -> None:
    """
    Stop a container as `docker stop -t -1` does: wait for ever.
    """
    with suppress(docker.errors.APIError):
        box.container.stop(timeout=-1)


def test_a_container_that_ends_at_once_is_not_stuck(agent: Agent, lab: Lab) -> None:
    """
    A common kill is over before anybody looks.
    """
    box = lab.run(*LIVES)
    box.main_pid()
    box.container.kill()
    subject = f"container/{box.id}"

    def died(events: list[dict[str, Any]]) -> bool:
        return any(e["subject"] == subject and e["type"] == "exit137.container_death" for e in events)

    agent.wait_for(died, STUCK_S, "the death is published")
    assert states(agent, box) == []
