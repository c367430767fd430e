"""
Show the main job: the kernel's OOM killer kills a child of a real container, then its main process, and the agent says
why at once.

Without a Docker Engine, a recording of a real host is played through the same pipeline. With LIVE=1 the demo starts its
own engine if none runs. It leaves nothing behind.
"""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from collector.explain.overview import as_lines, overview_of
from sinks.event.reader import read_events
from tests.lab.agent import COMMAND, Agent
from tests.lab.engine import HOST_URL, Engine, HostEngine, connect, find_engine
from tests.lab.image import build_image
from tests.lab.lab import Lab
from tests.lab.waiting import wait_until

RECORDING: Final = Path(__file__).parents[1] / "tests/recordings/debian12-docker20-cgroup2"
LIMIT_MIB: Final = 48
EVENT_WAIT_S: Final = 10.0
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
    Run the demo and return the exit code.
    """
    engine = engine_to_use()
    if engine is None:
        return play_recording()
    with closing(engine):
        return play_live(engine)


def engine_to_use() -> Engine | None:
    """
    Return the engine of this host, or a new one if there is none and LIVE is set.
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
    Let a container die while an agent watches.
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
        events = arrivals(agent, box.id)
        for heading in ("The worker is killed", "The server is killed", "The container has died"):
            event, arrived_s = next(events)
            delay_s = arrived_s - datetime.fromisoformat(event["time"]).timestamp()
            show(f"{heading}. {delay_s * 1000:.0f} ms later the agent says:", event)
        overview(json.dumps(event).encode() for event in events_of(agent, box.id))
    return 0


def arrivals(agent: Agent, container_id: str) -> Iterator[tuple[dict[str, Any], float]]:
    """
    Yield the events about a container as they arrive, each with its arrival time in seconds since 1970.
    """
    seen = 0
    while True:
        wait_until(lambda: len(events_of(agent, container_id)) > seen, EVENT_WAIT_S, "another event")  # noqa: B023
        arrived_s = time.time()
        for event in events_of(agent, container_id)[seen:]:
            seen += 1
            yield event, arrived_s


def events_of(agent: Agent, container_id: str) -> list[dict[str, Any]]:
    """
    Return the events about a container that the agent has published so far.
    """
    return [event for event in agent.events() if event["subject"] == f"container/{container_id}"]


def play_recording() -> int:
    """
    Replay the bundled recording: print the first event in full, and an overview of all.
    """
    say(f"Playing the recording {RECORDING.name} of a real host instead: 52 containers, 120 kills.")
    replay = subprocess.run([COMMAND, "replay", RECORDING], stdout=subprocess.PIPE, check=False)
    events = [json.loads(line) for line in replay.stdout.splitlines()]
    if events:
        show("The first event:", events[0])
    say(f"{len(events)} events in all:")
    overview(replay.stdout.splitlines())
    say(f"`exit137 explain --since 2020-01-01 --full --file {RECORDING}` prints the reports.")
    return replay.returncode


def overview(bodies: Iterable[bytes]) -> None:
    """
    Print an overview of events.
    """
    print("\n" + "\n".join(as_lines(overview_of(read_events(bodies)), 100)), flush=True)  # noqa: T201


def show(heading: str, event: dict[str, Any]) -> None:
    """
    Print an event: its sentence, then its JSON.
    """
    say(heading)
    say(event["data"]["message"], indent="    ")
    print(textwrap.indent(json.dumps(event, indent=2, ensure_ascii=False), "  "), flush=True)  # noqa: T201


def say(text: str, indent: str = "") -> None:
    """
    Print a paragraph after an empty line.
    """
    print("\n" + textwrap.fill(text, 100, initial_indent=indent, subsequent_indent=indent), flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
