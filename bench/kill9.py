"""
Kills the agent with SIGKILL at every named step and at random times, and prints what arrived.

Events go to a file, to an HTTP server, and to a real Kafka broker if one can be started.

    python bench/kill9.py [KILLS]
"""

import contextlib
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.driver import TOPIC, drive
from tests.kafka.broker import JARS, broker


def main() -> None:
    """
    Print the outcome.
    """
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="exit137-bench-") as folder, contextlib.ExitStack() as stack:
        bus = None
        if JARS.problem() is None:
            cluster = stack.enter_context(broker(_folder(folder, "broker")))
            cluster.create(TOPIC, 3)
            bus = cluster.address()
        print(drive(_folder(folder, "agent"), kills, seed=kills, bus=bus))
    print(f"{time.monotonic() - began_s:.0f} s")


def _folder(parent: str, name: str) -> Path:
    path = Path(parent) / name
    path.mkdir()
    return path


if __name__ == "__main__":
    main()
