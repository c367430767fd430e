"""
Benchmarks, one after the other: `make bench` runs all of them. Each is a program that can be run by itself.

    python bench [NAME …]

What a user feels comes first, what takes ten minutes last.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
FIRST: Final = ("kmsg", "agent")
LAST: Final = ("kill9",)


def main() -> None:
    """
    Run those that are named, or all; one that fails does not keep the others from running.
    """
    known = {program.stem for program in HERE.glob("*.py")} - {"__main__"}
    others = sorted(known - {*FIRST, *LAST})
    names = sys.argv[1:] or [*FIRST, *others, *LAST]
    if unknown := set(names) - known:
        sys.exit(f"bench: there is no {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    failed = [name for name in names if not _passes(name)]
    if failed:
        sys.exit(f"bench: {', '.join(failed)} failed")


def _passes(name: str) -> bool:
    print(f"== {name}", flush=True)
    return subprocess.run([sys.executable, HERE / f"{name}.py"], cwd=HERE.parent, check=False).returncode == 0


if __name__ == "__main__":
    main()
