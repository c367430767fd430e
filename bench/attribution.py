"""
Measures how many kills of a storm are attributed to the right container, and by which sources (needs root and Docker).

    python bench/attribution.py [CONTAINERS …]

Several agents with different sources watch the same storm. For comparison, the last line shows what a reader of
`oom-kill:` lines alone can attribute. The truth is what the parents of the killed processes saw.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from parsers.cgroup_path import container_of
from parsers.kmsg import parse_record
from parsers.oom.line import parse_line
from parsers.oom.summary import Summary
from sinks.event import rfc3339
from tests.lab.agent import Agent
from tests.lab.engine import find_engine
from tests.lab.image import build_image
from tests.lab.lab import Lab
from tests.lab.storm import attributed, make_storm

CHILDREN: Final = 6
PUBLISHED_S: Final = 30.0
# Long enough to see duplicates that are published late.
LATE_S: Final = 8.0
VARIANTS: Final[Mapping[str, tuple[str, ...]]] = {
    "all sources": (),
    "without trace": ("trace",),
    "without processes": ("processes",),
    "without both": ("processes", "trace"),
}


def main() -> None:
    """
    Print one line per storm and set of sources.
    """
    if os.geteuid() != 0:
        sys.exit("bench/attribution.py: needs root")
    sizes = [int(word) for word in sys.argv[1:]] or [16, 64]
    print("containers  kills  sources                  right   wrong  unattributed  missing  duplicate  invented")
    with ExitStack() as stack:
        engine = stack.enter_context(closing(find_engine()))
        lab = stack.enter_context(closing(Lab(engine.client)))
        build_image(engine.client)
        agents = {name: _agent(stack, engine.url, without) for name, without in VARIANTS.items()}
        for containers in sizes:
            _measure(lab, agents, containers)


def _agent(stack: ExitStack, docker_url: str, without: tuple[str, ...]) -> Agent:
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exit137-bench-")))
    agent = Agent(home, docker_url, without)
    agent.start()
    stack.callback(agent.stop)
    return agent


def _measure(lab: Lab, agents: Mapping[str, Agent], containers: int) -> None:
    device = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(device, 0, os.SEEK_END)
    began = rfc3339(time.time_ns())
    truth = make_storm(lab, containers, CHILDREN)
    named = Counter(_summaries(device))
    os.close(device)
    deadline = time.monotonic() + PUBLISHED_S
    while time.monotonic() < deadline and any(
        attributed(agent.events(), truth, began).missing for agent in agents.values()
    ):
        time.sleep(1)
    time.sleep(LATE_S)
    for name, agent in agents.items():
        found = attributed(agent.events(), truth, began)
        print(
            f"{containers:10}  {found.kills:5}  {name:20}  {100 * found.share:6.1f} %  {found.wrong:5}"
            f"  {found.unattributed:12}  {found.missing:7}  {found.duplicate:9}  {found.invented:8}"
        )
    share = 100 * (named & truth).total() / truth.total()
    print(f"{containers:10}  {truth.total():5}  {'oom-kill: lines':20}  {share:6.1f} %")


def _summaries(device: int) -> Iterator[tuple[int, str]]:
    """
    Yield the pids that the kernel named together with a container.
    """
    while True:
        try:
            line = parse_line(parse_record(os.read(device, 8192)).text)
        except BlockingIOError:
            return
        except BrokenPipeError:
            continue
        if isinstance(line, Summary) and line.task_memcg is not None and line.pid is not None:
            container = container_of(line.task_memcg)
            if container is not None:
                yield line.pid, container.id


if __name__ == "__main__":
    main()
