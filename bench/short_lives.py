"""
Measures how many containers that die within 100 ms of their start get the right cause (needs root and Docker).

    python bench/short_lives.py [CONTAINERS]

Several agents with different sources watch the same containers, which are removed as soon as they have ended.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from sinks.event import rfc3339
from tests.lab.agent import Agent
from tests.lab.engine import find_engine
from tests.lab.image import build_image
from tests.lab.journald import journal_daemon
from tests.lab.lab import Lab
from tests.lab.short_lives import Life, ShortLife, live_shortly, mistakes

CONTAINERS: Final = 5_000
# A verdict waits up to 60 s for a source that is behind.
LATE_S: Final = 65.0
VARIANTS: Final[Mapping[str, tuple[str, ...]]] = {"all sources": (), "without trace": ("trace",)}


def main() -> None:
    """
    Print how long the containers took, each mistake, and one line per set of sources and kind of death.
    """
    if os.geteuid() != 0:
        sys.exit("bench/short_lives.py: needs root")
    containers = int(sys.argv[1]) if len(sys.argv) > 1 else CONTAINERS
    with ExitStack() as stack:
        stack.enter_context(journal_daemon())
        engine = stack.enter_context(closing(find_engine()))
        lab = stack.enter_context(closing(Lab(engine.client)))
        build_image(engine.client)
        agents = {name: _agent(stack, engine.url, without) for name, without in VARIANTS.items()}
        for agent in agents.values():
            agent.wait_until_quiet()
        began, began_s = rfc3339(time.time_ns()), time.monotonic()
        lives = live_shortly(lab, containers)
        print(f"{containers} containers in {time.monotonic() - began_s:.0f} s")
        for agent in agents.values():
            agent.wait_until_quiet(LATE_S)
        print("sources        death               right  wrong")
        for name, agent in agents.items():
            _report(name, agent, lives, began)


def _agent(stack: ExitStack, docker_url: str, without: tuple[str, ...]) -> Agent:
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exit137-bench-")))
    agent = Agent(home, docker_url, without)
    agent.start()
    stack.callback(agent.stop)
    return agent


def _report(name: str, agent: Agent, lives: Sequence[ShortLife], began: str) -> None:
    found = mistakes(agent.events(), lives, began)
    for short, words in found.items():
        print(f"{name}: {short.life.name} {short.box.id}: {'; '.join(words)}", file=sys.stderr)
    lived, wrong = Counter(short.life for short in lives), Counter(short.life for short in found)
    for life in Life:
        print(f"{name:13}  {life.name:18}  {lived[life] - wrong[life]:5}  {wrong[life]:5}")


if __name__ == "__main__":
    main()
