"""
Kills the agent with SIGKILL at every named step and at random times, and says what came of it.

    python bench/kill9.py [KILLS]
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.crash.driver import drive


def main() -> None:
    """
    Print the outcome.
    """
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="exit137-bench-") as home:
        print(drive(Path(home), kills, seed=kills))
    print(f"{time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    main()
