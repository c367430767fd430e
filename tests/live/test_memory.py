"""
Tests of memory warnings, shapes and advice, with real programs.

All containers run at once under one agent that samples every half second; each test waits for its own events.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.lab.agent import Agent
from tests.lab.box import Box
from tests.lab.engine import Engine
from tests.lab.lab import Lab
from tests.lab.traces import Traces
from tests.live.conftest import TRACES

pytestmark = [pytest.mark.live, pytest.mark.timeout(200)]  # the first test waits for all that begin together
PROGRAMS: Final = Path(__file__).parent / "programs"
CONFIGURATION: Final = "[sources.memory]\ninterval_s = 0.5\n"
# The host's own interpreters, which an image without a network does not have.
HOST_PROGRAMS: Final = {
    path: {"bind": path, "mode": "ro"}
    for path in ("/usr", "/lib", "/lib64", "/etc/alternatives", "/etc/java-17-openjdk")
} | {str(PROGRAMS): {"bind": "/programs", "mode": "ro"}}
# Shapes need 20 s of samples; containers are found within 5 s.
LIVES_S: Final = 38
PUBLISHED_S: Final = 100
# Grows by 2 MiB a second.
LEAK: Final = ("eat:1", "sleep:500") * 100
SPIKE: Final = ("eat:12", f"sleep:{LIVES_S}000", "eat:64")
STEADY: Final = ("eat:20", f"sleep:{LIVES_S}000")
UNDERSIZED: Final = ("eat:43", f"sleep:{LIVES_S}000", "eat:20")
# Appends to a file and reads it twice, so that its pages count as used.
READER: Final = f"""
for i in $(/bin/busybox seq 1 {2 * LIVES_S}); do
  /bin/busybox dd if=/dev/zero of=/data bs=1M count=1 seek=$i conv=notrunc 2>/dev/null
  /bin/busybox cat /data > /dev/null; /bin/busybox cat /data > /dev/null
  /bin/busybox sleep 0.5
done
"""
# A worker that reaches 78 %, then 92 % of 64 MiB, and ends; its parent lives on.
WORKER: Final = ("fork:1", "eat:49", "sleep:8000", "eat:9", "sleep:4000", "end", "wait", "sleep:120000")
SPINS: Final = "/bin/hog hold fork:1 name:worker eat:64 end wait; while :; do :; done"

# The C library returns what is freed at once: else it keeps it, and the heap looks steady.
RETURNS: Final = {"MALLOC_MMAP_THRESHOLD_": "65536"}

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """
    The containers by name, and the agent that watches them.
    """

    agent: Agent
    boxes: Mapping[str, Box]
    traces: Traces

    def events(self, name: str, kind: str) -> list[Document]:
        """
        Return the events of one type about a container.
        """
        subject = f"container/{self.boxes[name].id}"
        return [
            event for event in self.agent.events() if event["subject"] == subject and event["type"] == f"exit137.{kind}"
        ]

    def wait(self, name: str, kind: str, count: int = 1) -> list[Document]:
        """
        Return these events once there are `count` of them.
        """
        return self.wait_for(name, kind, lambda found: len(found) >= count)

    def wait_for(self, name: str, kind: str, enough: Callable[[list[Document]], bool]) -> list[Document]:
        """
        Return these events once they fulfil a condition; poll rarely, as the containers need the CPU.
        """
        deadline = time.monotonic() + PUBLISHED_S
        while not enough(found := self.events(name, kind)):
            assert time.monotonic() < deadline, f"timeout: waited for {kind} of {name}, found {found}"
            time.sleep(0.5)
        return found

    def memory(self, name: str) -> dict[str, Any]:
        """
        Return what the death of a container says about its memory before.
        """
        found: dict[str, Any] = self.wait(name, "container_death")[0]["data"]["exit137"]["memory"]
        return found


@pytest.fixture(scope="module")
def stage(engine: Engine, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    agent = Agent(tmp_path_factory.mktemp("agent"), engine.url, more=CONFIGURATION)
    agent.start()
    traces = Traces(agent=agent, client=lab.client)
    yield Stage(agent=agent, boxes=_boxes(lab), traces=traces)
    agent.stop()


@pytest.fixture(autouse=True)
def _traced(stage: Stage, request: pytest.FixtureRequest) -> None:
    request.node.stash[TRACES] = stage.traces


def _boxes(lab: Lab) -> Mapping[str, Box]:
    boxes = {
        "leak": lab.run(*LEAK, limit_mib=80),
        "spike": lab.run(*SPIKE, limit_mib=22),
        "steady": lab.run(*STEADY, limit_mib=34),
        "undersized": lab.run(*UNDERSIZED, limit_mib=48),
        "reader": lab.run("/bin/sh", "-c", READER, limit_mib=100),
        "worker": lab.run(*WORKER, limit_mib=64),
        "spins": lab.run("/bin/sh", "-c", SPINS, limit_mib=32, nano_cpus=200_000_000),
        "loses": lab.run("hold", "lose:3", "sleep:60000", limit_mib=32),
        "quiet": lab.run("sleep:2000", "eat:64", limit_mib=32, log_config={"Type": "none"}),
    }
    if Path("/usr/bin/python3").exists():
        environment = {"PYTHONTRACEMALLOC": "1"}
        boxes["python"] = _run(lab, "/usr/bin/python3", "/programs/leak.py", limit_mib=112, environment=environment)
    if Path("/usr/bin/node").exists():
        command = ("/usr/bin/node", "--expose-gc", "/programs/collector.js")
        boxes["node"] = _run(lab, *command, limit_mib=60, environment=RETURNS)
    if shutil.which("javac"):
        options = ("-XX:+UseSerialGC", "-Xmx512m")
        boxes["java"] = _run(lab, "/usr/bin/java", *options, "/programs/Heap.java", limit_mib=256)
    return boxes


def _run(lab: Lab, *command: str, limit_mib: int, **options: Any) -> Box:  # noqa: ANN401 (Docker's own)
    return lab.run(*command, limit_mib=limit_mib, volumes=HOST_PROGRAMS, **options)


def need(stage: Stage, name: str) -> None:
    if name not in stage.boxes:
        pytest.skip(f"the host has no {name} to run in a container")


def advice(event: Document) -> dict[str, str]:
    return {one["kind"]: one["text"] for one in event["data"]["exit137"]["advice"]}


def levels(events: Sequence[Document], kind: str) -> list[str]:
    found = [event["data"]["exit137"]["pressure"] for event in events]
    return [pressure["level"] for pressure in found if pressure["kind"] == kind]


def test_repeated_losses_of_children(stage: Stage) -> None:
    """
    The third OOM-killed child of a container raises one event that lists the kills of all three.
    """
    box = stage.boxes["loses"]
    box.hold()
    stage.wait("worker", "memory_pressure")  # samples are taken by now
    box.go()
    (stuck,) = stage.wait("loses", "container_stuck")
    kills = [kill["id"] for kill in stage.wait("loses", "oom_kill", 3)]
    assert stuck["data"]["exit137"]["stuck"]["state"] == "killing"
    assert stuck["data"]["exit137"]["stuck"]["oom_kill_ids"] == kills


def test_a_shell_that_spins_after_the_loss_of_its_worker(stage: Stage) -> None:
    """
    A shell that uses all its CPU for half a minute after the loss of its worker is reported, and the choice of the
    victim is explained.
    """
    box = stage.boxes["spins"]
    box.hold()
    stage.wait("worker", "memory_pressure")
    box.go()
    (stuck,) = stage.wait("spins", "container_stuck")
    (kill,) = stage.events("spins", "oom_kill")
    assert stuck["data"]["exit137"]["stuck"]["state"] == "spinning"
    assert stuck["data"]["exit137"]["stuck"]["cpu_share"] > 0.9
    assert kill["data"]["exit137"]["oom"]["choice"].startswith("worker was the largest")


def test_a_leak_is_published_with_its_rate_and_no_higher_limit(stage: Stage) -> None:
    """
    A leak of 2 MiB a second is published with its rate, by the kill and by the death, without advice to raise the
    limit.
    """
    (kill,) = stage.wait("leak", "oom_kill")
    memory = stage.memory("leak")
    assert memory["trend"] == "leak"
    assert 90 < memory["growth_bytes_per_min"] / (1 << 20) < 150
    assert "leak" in advice(kill)
    assert "a leak" in kill["data"]["message"]


def test_a_spike_is_published_with_both_levels(stage: Stage) -> None:
    """
    A jump from a calm level to the limit is published as a spike with both levels.
    """
    memory = stage.memory("spike")
    assert (memory["trend"], memory["peak_bytes"]) == ("spike", 22 << 20)
    assert memory["rise_s"] < 5
    assert "limit" in advice(stage.wait("spike", "container_death")[0])


def test_a_limit_that_is_too_small_from_the_start(stage: Stage) -> None:
    """
    A container that was near its limit all the time is undersized.
    """
    assert stage.memory("undersized")["trend"] == "undersized"


def test_a_calm_life_is_steady_and_gets_no_advice(stage: Stage) -> None:
    """
    A container that used little memory until its own end is steady, and its death has no advice.
    """
    (death,) = stage.wait("steady", "container_death")
    assert stage.memory("steady")["trend"] == "steady"
    assert advice(death) == {}


def test_file_pages_are_not_a_leak(stage: Stage) -> None:
    """
    Growing page cache is not a leak, and raises no forecast.
    """
    assert stage.memory("reader")["trend"] == "cache"
    assert levels(stage.events("reader", "memory_pressure"), "forecast") == []


def test_a_leaking_python_program(stage: Stage) -> None:
    """
    A leaking Python program gets its shape, the advice about the setting that makes it worse, and its log tail with
    secrets masked.
    """
    need(stage, "python")
    (kill,) = stage.wait("python", "oom_kill")
    (death,) = stage.wait("python", "container_death")
    assert stage.memory("python")["trend"] == "leak"
    assert advice(kill)["heap"] == "Unset PYTHONTRACEMALLOC."
    logs = death["data"]["exit137"]["logs"]
    assert len(logs) == 50
    assert all(line.startswith("answer ") and line.endswith("token=***") for line in logs)


def test_a_collectors_heap_is_a_sawtooth(stage: Stage) -> None:
    """
    The heap of Node, which returns memory after each collection, is a sawtooth.
    """
    need(stage, "node")
    assert stage.memory("node")["trend"] == "sawtooth"


def test_a_heap_that_does_not_fit_the_limit(stage: Stage) -> None:
    """
    A JVM whose heap does not fit the limit gets advice, from its command line.
    """
    need(stage, "java")
    (kill,) = stage.wait("java", "oom_kill")
    assert advice(kill)["heap"].startswith("Set -Xmx to at most 204.8 MiB")


def test_a_log_driver_without_logs_is_the_reason(stage: Stage) -> None:
    """
    A log driver that keeps no logs is given as the reason for the missing log tail.
    """
    (death,) = stage.wait("quiet", "container_death")
    assert death["data"]["exit137"]["logs_missing"] == 'The log driver "none" keeps no logs.'


def test_a_warning_rises_twice_and_is_resolved(stage: Stage) -> None:
    """
    A warning is raised at 75 and 90 % of the limit, and resolved after a calm minute.
    """
    events = stage.wait_for("worker", "memory_pressure", lambda found: "resolved" in levels(found, "limit"))
    assert levels(events, "limit") == ["warning", "critical", "resolved"]
