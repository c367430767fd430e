"""
Deaths in which the Docker daemon, the host or the agent itself goes down, each with an engine of its own.
"""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.event import Cause, Confidence
from tests.live.conftest import TRACES
from tests.live.lab.agent import Agent
from tests.live.lab.box import Box, death
from tests.live.lab.engine import OwnEngine
from tests.live.lab.lab import Lab
from tests.live.lab.scenario import settle
from tests.live.lab.traces import Traces
from tests.live.lab.truth import Truth, compare

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]


@pytest.fixture
def watcher(own_engine: OwnEngine, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Agent]:
    """
    An agent that watches the engine of this test.
    """
    agent = Agent(tmp_path, own_engine.url)
    request.node.stash[TRACES] = Traces(agent=agent, client=own_engine.client)
    agent.start()
    yield agent
    agent.stop()


def start(engine: OwnEngine, *script: str, limit_mib: int | None = None) -> Box:
    """
    A container that runs and holds.
    """
    box = Lab(engine.client).run(*script, limit_mib=limit_mib)
    box.hold()
    return box


def check(agent: Agent, truth: Truth) -> None:
    """
    Wait for what the agent tells of a container, and compare.
    """
    settle(agent, [truth])
    assert compare(agent.events(), truth) == []


def test_a_daemon_that_stops_ends_its_containers(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    The daemon stops its containers before itself: none was stopped for its own sake.
    """
    box = start(own_engine, "exit-on:15:0", "hold")
    own_engine.terminate_daemon()
    check(watcher, box.truth(death(Cause.DAEMON_SHUTDOWN, 0)))


def test_a_daemon_that_comes_back_ends_what_it_lost(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    The daemon is killed; its containers live on until the next dockerd finds and ends them.
    """
    box = start(own_engine, "exit-on:15:0", "hold")
    own_engine.kill_daemon()
    own_engine.start()
    check(watcher, box.truth(death(Cause.DAEMON_SHUTDOWN, 0)))


def test_a_death_without_a_daemon_is_told_when_it_is_back(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    No event tells of it. The kernel log told the kill; the comparison after the gap finds the death.
    """
    box = start(own_engine, "hold", "eat:64", limit_mib=32)
    killed = box.hold()
    own_engine.kill_daemon()
    Path(f"/proc/{killed[0].pid}/root/run/go").touch()
    box.wait_until_gone(killed[0].pid)
    own_engine.start()
    check(watcher, box.truth(death(Cause.OOM_KILL, 137), kills=killed))


def test_a_power_cut_is_a_reboot(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    The host goes down with engine and agent. After it both find the container dead, and the agent sees by the
    boot id that the host was restarted.
    """
    box = start(own_engine, "hold")
    watcher.stop()
    own_engine.cut_power()
    own_engine.start()
    watcher.start(boot_id=str(uuid.uuid4()))
    check(watcher, box.truth(death(Cause.HOST_REBOOT, 255)))


def test_a_death_without_an_agent_is_told_when_it_is_back(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    The kernel log and Docker's events still have it.
    """
    box = start(own_engine, "hold", "eat:64", limit_mib=32)
    watcher.stop()
    killed = box.release()
    box.wait(137)
    watcher.start()
    check(watcher, box.truth(death(Cause.OOM_KILL, 137), kills=killed))


def test_a_death_that_was_told_is_not_told_again(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    The agent is restarted between a kill and the death that it leads to, and after it: nothing comes twice.
    """
    grows = ("fork:1", "name:worker", "hold", "eat:64", "end", "wait")
    box = start(own_engine, *grows, "sleep:2000", "exit:1", limit_mib=32)
    killed = box.release()
    box.wait_until_gone(killed[0].pid)
    watcher.stop()
    watcher.start()
    truth = box.died(Cause.OOM_KILL_CHILD, 1, kills=killed)
    settle(watcher, [truth])
    watcher.stop()
    watcher.start()
    check(watcher, truth)


def test_what_left_no_evidence_is_unknown(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    Killed, removed, and Docker's memory of it lost with dockerd, all without an agent: that it ended is
    known, and nothing else.
    """
    box = start(own_engine, "hold")
    main = box.main_pid()
    watcher.stop()
    os.kill(main, signal.SIGKILL)
    box.wait(137)
    box.container.remove()
    own_engine.terminate_daemon()
    own_engine.start()
    watcher.start()
    check(watcher, box.truth(death(Cause.UNKNOWN, None, at_least=Confidence.POSSIBLE)))
