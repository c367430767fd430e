"""
Tests of deaths in which the Docker daemon, the host or the agent itself goes down, each with its own engine.
"""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.event import Cause, Confidence
from tests.lab.agent import Agent
from tests.lab.box import Box, death
from tests.lab.engine import OwnEngine
from tests.lab.lab import Lab
from tests.lab.scenario import wait_for_events
from tests.lab.traces import Traces
from tests.lab.truth import Truth, compare
from tests.live.conftest import TRACES

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
    Start a container, and wait until its processes are on hold.
    """
    box = Lab(engine.client).run(*script, limit_mib=limit_mib)
    box.hold()
    return box


def check(agent: Agent, truth: Truth) -> None:
    """
    Wait for the events of a container, and compare them with the truth.
    """
    wait_for_events(agent, [truth])
    assert compare(agent.events(), truth) == []


def test_a_daemon_that_stops_ends_its_containers(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    Containers that the daemon stops when it stops itself died of the daemon's shutdown.
    """
    box = start(own_engine, "exit-on:15:0", "hold")
    own_engine.terminate_daemon()
    check(watcher, box.truth(death(Cause.DAEMON_SHUTDOWN, 0)))


def test_a_daemon_that_restarts_ends_its_old_containers(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    A container that outlives a killed daemon, and that the next dockerd ends, has the daemon's shutdown as its cause.
    """
    box = start(own_engine, "exit-on:15:0", "hold")
    own_engine.kill_daemon()
    own_engine.start()
    check(watcher, box.truth(death(Cause.DAEMON_SHUTDOWN, 0)))


def test_a_death_without_a_daemon_is_published_when_it_is_back(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    A death while the daemon is down has no event; the comparison after the gap finds it, and the kernel log its cause.
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
    After a power cut the agent sees by the boot id that the host was restarted, and publishes that as the cause.
    """
    box = start(own_engine, "hold")
    watcher.stop()
    own_engine.cut_power()
    own_engine.start()
    watcher.start(boot_id=str(uuid.uuid4()))
    check(watcher, box.truth(death(Cause.HOST_REBOOT, 255)))


def test_a_death_without_an_agent_is_published_when_it_is_back(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    A death while the agent is down is found in the kernel log and Docker's events after its start.
    """
    box = start(own_engine, "hold", "eat:64", limit_mib=32)
    watcher.stop()
    killed = box.release()
    box.wait(137)
    watcher.start()
    check(watcher, box.truth(death(Cause.OOM_KILL, 137), kills=killed))


def test_a_published_death_is_not_published_again(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    Restarting the agent between a kill and the death, and after it, publishes nothing twice.
    """
    grows = ("fork:1", "name:worker", "hold", "eat:64", "end", "wait")
    box = start(own_engine, *grows, "sleep:2000", "exit:1", limit_mib=32)
    killed = box.release()
    box.wait_until_gone(killed[0].pid)
    watcher.stop()
    watcher.start()
    truth = box.died(Cause.OOM_KILL_CHILD, 1, kills=killed)
    wait_for_events(watcher, [truth])
    watcher.stop()
    watcher.start()
    check(watcher, truth)


def test_a_death_without_evidence_has_an_unknown_cause(own_engine: OwnEngine, watcher: Agent) -> None:
    """
    Of a container that was killed and removed while the agent was down, and that dockerd has forgotten, only the end is
    known.
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
