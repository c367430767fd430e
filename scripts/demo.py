"""
The main job, to look at: a real container loses a child to the kernel's OOM killer, then its main process,
and the agent says why, the moment it happens.

Without a Docker Engine a recording of a real host is played through the same pipeline. LIVE=1 starts an
engine of its own where none runs. Leaves nothing behind.
"""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tests.live.lab.agent import COMMAND, Agent
from tests.live.lab.engine import HOST_URL, Engine, HostEngine, connect, find_engine
from tests.live.lab.image import build_image
from tests.live.lab.lab import Lab
from tests.live.lab.waiting import wait_until

RECORDING: Final = Path(__file__).parents[1] / "tests/recordings/debian12-docker20-cgroup2"
LIMIT_MIB: Final = 48
TOLD_S: Final = 10.0
STORY: Final = (
    f"The agent watches. A container starts: a limit of {LIMIT_MIB} MiB, a server and its worker. The worker "
    "outgrows the limit while the server lives on; 2.5 seconds later the server does the same."
)
SCRIPT: Final = (
    *("name:server", "fork:1", "name:worker", "hold", "eat:96", "end", "wait"),
    *("sleep:2500", "eat:96"),
)


def main() -> int:
    """
    Play the demonstration; gives the exit code.
    """
    engine = engine_to_use()
    if engine is None:
        return play_recording()
    with closing(engine):
        return play_live(engine)


def engine_to_use() -> Engine | None:
    """
    The engine that runs here; where none does, one of our own if LIVE is set.
    """
    if os.geteuid() != 0:
        say("The live demo reads the kernel log, and that needs root.")
        return None
    if os.environ.get("LIVE"):
        return find_engine()
    url = os.environ.get("DOCKER_HOST", HOST_URL)
    client = connect(url)
    if client is None:
        say(f"No Docker Engine answers at {url} (`make demo LIVE=1` installs and starts one).")
        return None
    return HostEngine(url, client)


def play_live(engine: Engine) -> int:
    """
    Let a container die under the eyes of an agent.
    """
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exit137-demo-")))
        build_image(engine.client)
        lab = stack.enter_context(closing(Lab(engine.client)))
        agent = Agent(home, engine.url)
        agent.start()
        stack.callback(agent.stop)
        say(STORY)
        box = lab.run(*SCRIPT, limit_mib=LIMIT_MIB)
        box.release()
        told = arrivals(agent, box.id)
        for heading in ("The worker is killed", "The server is killed", "The container has died"):
            event, arrived_s = next(told)
            delay_s = arrived_s - datetime.fromisoformat(event["time"]).timestamp()
            show(f"{heading}. {delay_s * 1000:.0f} ms later the agent says:", event)
    return 0


def arrivals(agent: Agent, container_id: str) -> Iterator[tuple[dict[str, Any], float]]:
    """
    The events about a container as they come, each with the wall clock of its arrival.
    """
    seen = 0
    while True:
        wait_until(lambda: len(events_of(agent, container_id)) > seen, TOLD_S, "the agent tells more")  # noqa: B023
        arrived_s = time.time()
        for event in events_of(agent, container_id)[seen:]:
            seen += 1
            yield event, arrived_s


def events_of(agent: Agent, container_id: str) -> list[dict[str, Any]]:
    """
    What the agent has told about a container so far.
    """
    return [event for event in agent.events() if event["subject"] == f"container/{container_id}"]


def play_recording() -> int:
    """
    Replay the bundled recording: all its sentences, and the first kill in full.
    """
    say(f"Playing the recording {RECORDING.name} of a real host instead: 52 containers, 120 kills.")
    replay = subprocess.run([COMMAND, "replay", RECORDING], stdout=subprocess.PIPE, check=False)
    events = [json.loads(line) for line in replay.stdout.splitlines()]
    if events:
        show("The first event:", events[0])
    for event in events[1:]:
        say(event["data"]["message"], indent="  ")
    say(f"{len(events)} events.")
    return replay.returncode


def show(heading: str, event: dict[str, Any]) -> None:
    """
    Show an event: its sentence, then all of it.
    """
    say(heading)
    say(event["data"]["message"], indent="    ")
    print(textwrap.indent(json.dumps(event, indent=2, ensure_ascii=False), "  "), flush=True)  # noqa: T201


def say(text: str, indent: str = "") -> None:
    """
    Print a paragraph, an empty line before it.
    """
    print("\n" + textwrap.fill(text, 100, initial_indent=indent, subsequent_indent=indent), flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
