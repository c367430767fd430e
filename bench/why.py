"""
Measures how many answers to "why?" are right, and how soon they come (needs root and Docker).

    python bench/why.py [SANDBOXES]

Sandboxes of which half lose a child run eight at a time and are removed as soon as they have ended. Each is asked about
the moment its end is known.
"""

import os
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from tests.lab.agent import Agent
from tests.lab.engine import find_engine
from tests.lab.image import build_image
from tests.lab.journald import journal_daemon
from tests.lab.lab import Lab
from tests.lab.sandboxes import percentile_s, run_sandboxes

SANDBOXES: Final = 1_000


def main() -> None:
    """
    Print each mistake, how many answers were right, and how soon they came.
    """
    if os.geteuid() != 0:
        sys.exit("bench/why.py: needs root")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SANDBOXES
    with ExitStack() as stack:
        stack.enter_context(journal_daemon())
        engine = stack.enter_context(closing(find_engine()))
        lab = stack.enter_context(closing(Lab(engine.client)))
        build_image(engine.client)
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exit137-bench-")))
        agent = Agent(home, engine.url)
        agent.start()
        stack.callback(agent.stop)
        asked = run_sandboxes(lab, agent.socket, count)
        wrong = {one: words for one in asked if (words := list(one.mistakes()))}
    for one, words in wrong.items():
        print(f"{one.life.name} {one.box.id}: {'; '.join(words)}", file=sys.stderr)
    print(f"{count - len(wrong)} of {count} answers are right and settled")
    print(f"after the end: p50 {percentile_s(asked, 50) * 1e3:.0f} ms, p99 {percentile_s(asked, 99) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
