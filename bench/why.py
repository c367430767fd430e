"""
Measures how many answers to "why?" are right, how soon they come, and what listeners cost (needs root and Docker).

    python bench/why.py [SANDBOXES]

Sandboxes of which half lose a child run eight at a time and are removed as soon as they have ended. Each is asked about
the moment its end is known. Before that, 500 clients listen to the stream of events while nothing happens.
"""

import os
import socket
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from bench.shared.kills import cpu_s
from tests.lab.agent import Agent
from tests.lab.engine import find_engine
from tests.lab.image import build_image
from tests.lab.journald import journal_daemon
from tests.lab.lab import Lab
from tests.lab.sandboxes import percentile_s, run_sandboxes

SANDBOXES: Final = 1_000
STREAMS: Final = 500
# Two of the comments that keep a stream open are sent meanwhile.
IDLE_S: Final = 60.0
LISTEN: Final = b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"


def main() -> None:
    """
    Print what idle streams cost, each mistake, how many answers were right, and how soon they came.
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
        agent.wait_until_quiet()
        print(f"{STREAMS} idle streams: {100 * streams_cost(agent):.2f} % of a core", flush=True)
        asked = run_sandboxes(lab, agent.socket, count)
        wrong = {one: words for one in asked if (words := list(one.mistakes()))}
    for one, words in wrong.items():
        print(f"{one.life.name} {one.box.id}: {'; '.join(words)}", file=sys.stderr)
    print(f"{count - len(wrong)} of {count} answers are right and settled")
    print(f"after the end: p50 {percentile_s(asked, 50) * 1e3:.0f} ms, p99 {percentile_s(asked, 99) * 1e3:.0f} ms")


def streams_cost(agent: Agent) -> float:
    """
    Return the CPU that idle streams take, of a core: with them, less without them.
    """
    without = _cpu_share(agent.pid)
    with ExitStack() as stack:
        for _ in range(STREAMS):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(agent.socket))
            client.sendall(LISTEN)
            if b" 200 " not in client.recv(4096):
                sys.exit("bench/why.py: the agent refuses a stream")
        return _cpu_share(agent.pid) - without


def _cpu_share(pid: int) -> float:
    began_s, began_cpu_s = time.monotonic(), cpu_s(pid)
    time.sleep(IDLE_S)
    return (cpu_s(pid) - began_cpu_s) / (time.monotonic() - began_s)


if __name__ == "__main__":
    main()
