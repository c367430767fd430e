"""
Compare the events of two installations of exit137, all but their prose.

Both programs replay the same recordings and explain the same kernel logs. The keys that hold sentences for people are
left out of the comparison at every depth. Prints each difference; the exit status is 1 when there is one.

    scripts/compare_events.py OLD/bin/exit137 NEW/bin/exit137 tests/recordings/* corpus/*.log
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

_PROSE: Final = frozenset({"message", "text", "reason", "unless", "choice"})


def main() -> int:
    """Compare the events of every input; return the exit status."""
    arguments = _arguments()
    differing = events = 0
    for path in arguments.inputs:
        old, new = _events(arguments.old, path), _events(arguments.new, path)
        events += len(new)
        if old != new:
            differing += 1
            sys.stdout.write(f"{path}: the events differ\n")
            _show(old, new)
    verdict = f"{differing} differ" if differing else "all equal"
    sys.stdout.write(
        f"{len(arguments.inputs)} inputs, {events} events: {verdict} (without {', '.join(sorted(_PROSE))})\n"
    )
    return int(differing > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="the program of one installation")
    parser.add_argument("new", type=Path, help="the program of the other")
    parser.add_argument("inputs", type=Path, nargs="+", help="recordings (folders) and kernel logs (files)")
    return parser.parse_args()


def _events(program: Path, path: Path) -> list[Any]:
    arguments = ["replay", str(path)] if path.is_dir() else ["explain", "--file", str(path), "--json"]
    done = subprocess.run([program, *arguments], check=False, capture_output=True)
    # A log without an OOM kill gives no events and an exit status of its own.
    events = [_without_prose(json.loads(line)) for line in done.stdout.splitlines()]
    return [*events, {"exit status": done.returncode}]


def _without_prose(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _without_prose(item) for key, item in value.items() if key not in _PROSE}
    return [_without_prose(item) for item in value] if isinstance(value, list) else value


def _show(old: list[Any], new: list[Any]) -> None:
    for mark, here, there in (("-", old, new), ("+", new, old)):
        for event in here:
            if event not in there:
                sys.stdout.write(f"{mark} {json.dumps(event, sort_keys=True)}\n")


if __name__ == "__main__":
    sys.exit(main())
