"""
Runs the benchmarks one after the other; `make bench` runs all of them. Each is also a program of its own.

    python bench [NAME …]

Benchmarks of what a user notices come first, and those that take ten minutes or more come last.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
FIRST: Final = ("kmsg", "agent")
LAST: Final = ("kill9", "short_lives", "steady")


def main() -> None:
    """
    Run the named benchmarks, or all. One that fails does not stop the others.
    """
    known = {program.stem for program in HERE.glob("*.py")} - {"__main__"}
    others = sorted(known - {*FIRST, *LAST})
    names = sys.argv[1:] or [*FIRST, *others, *LAST]
    if unknown := set(names) - known:
        sys.exit(f"bench: there is no {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    failed = [name for name in names if not _run(name)]
    if failed:
        sys.exit(f"bench: {', '.join(failed)} failed")


def _run(name: str) -> bool:
    print(f"== {name}", flush=True)
    return subprocess.run([sys.executable, HERE / f"{name}.py"], cwd=HERE.parent, check=False).returncode == 0


if __name__ == "__main__":
    main()
