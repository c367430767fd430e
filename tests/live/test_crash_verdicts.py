"""
Crash verdicts with and without each source: five agents watch the same real crashes, each without something.

With fewer sources the confidence falls and reasons are missing, but nothing becomes wrong.
"""

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from sinks.event import EventType
from tests.lab.agent import Agent
from tests.lab.box import Box
from tests.lab.engine import Engine
from tests.lab.lab import Lab
from tests.lab.waiting import wait_until

pytestmark = [
    pytest.mark.live,
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="other kernels print less of a crash"),
]
HAS_AUDIT: Final = Path("/proc/self/loginuid").exists()
FAULTS: Final[Mapping[str, tuple[int, str, str | None]]] = {
    "null": (11, "segfault", "null_pointer"),
    "call": (11, "segfault", "null_call"),
    "jump": (11, "segfault", "wild_jump"),
    "stack": (11, "segfault", "stack_overflow"),
    "write": (11, "segfault", "read_only_memory"),
    "opcode": (4, "invalid_opcode", None),
    "divide": (8, "trap", "divide_error"),
    "breakpoint": (5, "trap", "breakpoint"),
    "protection": (11, "general_protection", None),
}
# How it crashes and with which options: signal, kind of the line and reason, where the kernel prints a line.
SCENARIOS: Final[Mapping[str, tuple[Sequence[str], Mapping[str, Any], int, str | None, str | None]]] = {
    **{f"{how} {where}".strip(): (("/bin/crash", how, where), {}, *expected)
       for how, expected in FAULTS.items() for where in ("", "thread")},
    **{f"{how} under an init": (("/bin/crash", how), {"init": True}, *FAULTS[how]) for how in ("null", "divide")},
    "null with a core limit of 0": (("/bin/crash", "null"), {"ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}]},
                                    *FAULTS["null"]),
    "null as a user": (("/bin/crash", "null"), {"user": "1000"}, *FAULTS["null"]),
    "null below a memory limit": (("/bin/crash", "null"), {"mem_limit": "64m"}, *FAULTS["null"]),
    "null beside the host's processes": (("/bin/crash", "null"), {"pid_mode": "host"}, *FAULTS["null"]),
    "abort": (("/bin/crash", "abort"), {"init": True}, 6, None, None),
    "abort in a thread": (("/bin/crash", "abort", "thread"), {"init": True}, 6, None, None),
    "a full /dev/shm": (("/bin/crash", "shm"), {}, 7, None, None),
    "a truncated mapping": (("raise:7",), {}, 7, None, None),
    "a fault of hog": (("raise:11",), {}, 11, "segfault", "null_pointer"),
    "a refused call": (("/bin/crash", "seccomp"), {}, 31, "seccomp" if HAS_AUDIT else None,
                       "system_call_refused" if HAS_AUDIT else None),
}  # fmt: skip
WITHOUT: Final[Mapping[str, Sequence[str]]] = {
    "everything": (),
    "no connector": ("processes",),
    "no trace": ("trace",),
    "no journal": ("journald",),
    "Docker alone": ("processes", "trace", "journald", "kmsg", "cgroups", "memory", "stops"),
}
# The kernel prints ten such lines in five seconds, and then none until they are over.
PRINTED_AT_ONCE: Final = 8
PRINTED_AGAIN_S: Final = 6
RANKS: Final = ("possible", "likely", "certain")


@pytest.fixture(scope="module")
def watchers(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Agent]]:
    """
    One agent for each set of sources, all at once.
    """
    with ExitStack() as started:
        agents: dict[str, Agent] = {}
        for name, without in WITHOUT.items():
            agents[name] = Agent(tmp_path_factory.mktemp("agent"), engine.url, without)
            agents[name].start()
            started.callback(agents[name].stop)
        yield agents


@pytest.fixture(scope="module")
def crashed(watchers: Mapping[str, Agent], lab: Lab) -> Mapping[str, Box]:
    """
    Return one container for each scenario, after each agent has published its death.
    """
    boxes: dict[str, Box] = {}
    for number, (name, (command, options, signal, *_)) in enumerate(SCENARIOS.items(), 1):
        if number % PRINTED_AT_ONCE == 0:
            time.sleep(PRINTED_AGAIN_S)
        boxes[name] = lab.run(*command, **options)
        boxes[name].wait(128 + signal)

    def published() -> bool:
        return all(_of(agent, box, EventType.CONTAINER_DEATH) for agent in watchers.values() for box in boxes.values())

    wait_until(published, 120, "each agent has published each death")
    return boxes


def _of(agent: Agent, box: Box, event_type: EventType) -> list[Mapping[str, Any]]:
    found = [event["data"] for event in agent.events() if event["type"] == event_type]
    return [data for data in found if data.get("container", {}).get("id") == box.id]


def test_there_are_enough_scenarios() -> None:
    """
    The number that docs and release notes speak of.
    """
    assert len(SCENARIOS) >= 25


@pytest.mark.parametrize("watcher", WITHOUT)
def test_every_crash_is_a_crash(watcher: str, watchers: Mapping[str, Agent], crashed: Mapping[str, Box]) -> None:
    """
    Each death is one crash with its signal, whatever the agent cannot see; a reason that is given is the true one.
    """
    wrong: dict[str, object] = {}
    for name, (_, _, signal, kind, reason) in SCENARIOS.items():
        deaths = _of(watchers[watcher], crashed[name], EventType.CONTAINER_DEATH)
        found = [(data["exit137"]["cause"], data["exit137"]["crash"].get("signal")) for data in deaths]
        crash = deaths[0]["exit137"].get("crash", {})
        is_kind_true = crash.get("kind") in (None, kind)
        is_reason_true = crash.get("reason") in (None, reason) or how_it_ends(kind) == crash.get("reason")
        if found != [("crash", signal)] or not is_kind_true or not is_reason_true:
            wrong[name] = found, crash
    assert wrong == {}


def how_it_ends(kind: str | None) -> str | None:
    """
    Return the reason that only the file of the module shows: an instruction that no CPU knows is an abort.
    """
    return "aborted" if kind in (None, "invalid_opcode") else None


def test_with_all_sources_every_line_has_its_reason(watchers: Mapping[str, Agent], crashed: Mapping[str, Box]) -> None:
    """
    The agent that sees everything is certain, and says why wherever the kernel says it.
    """
    missing: dict[str, object] = {}
    for name, (*_, kind, reason) in SCENARIOS.items():
        (death,) = _of(watchers["everything"], crashed[name], EventType.CONTAINER_DEATH)
        crash, confidence = death["exit137"]["crash"], death["exit137"]["confidence"]
        is_explained = crash.get("kind") == kind and (reason is None or crash.get("reason") == reason)
        if not is_explained or confidence != "certain":
            missing[name] = confidence, crash
    assert missing == {}


@pytest.mark.parametrize("watcher", list(WITHOUT)[1:])
def test_confidence_only_falls(watcher: str, watchers: Mapping[str, Agent], crashed: Mapping[str, Box]) -> None:
    """
    An agent that sees less is never surer than one that sees everything.
    """
    for name, box in crashed.items():
        (full,) = _of(watchers["everything"], box, EventType.CONTAINER_DEATH)
        (less,) = _of(watchers[watcher], box, EventType.CONTAINER_DEATH)
        ranks = [RANKS.index(data["exit137"]["confidence"]) for data in (less, full)]
        assert ranks == sorted(ranks), name


@pytest.mark.parametrize("watcher", WITHOUT)
def test_no_line_has_the_container_of_another(
    watcher: str, watchers: Mapping[str, Agent], crashed: Mapping[str, Box]
) -> None:
    """
    A kernel event of a container names a process that crashed in it, and there is at most one for each crash.
    """
    for name, box in crashed.items():
        events = _of(watchers[watcher], box, EventType.KERNEL_EVENT)
        assert len(events) <= 1, name
        expected = "hog" if SCENARIOS[name][0][0].startswith("raise") else "crash"
        assert {data["exit137"]["kernel"]["name"] for data in events} <= {expected}, name
