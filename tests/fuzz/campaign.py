"""
Fuzz targets one after the other, each in its own process; exit with 1 if something broke one.

An input that broke a target stays in .cache/fuzz/TARGET, with the output of libFuzzer. So does what was found to reach
new code: the next campaign begins with it.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_CACHE: Final = _HERE.parents[1] / ".cache" / "fuzz"
# An input for which a target takes longer is a finding too: a peer could hold the agent with it.
_ONE_INPUT_S: Final = 10
_INPUT_BYTES: Final = 8192


def fuzz(target: str, seconds: int, home: Path) -> int:
    """
    Fuzz one target; return the exit code of libFuzzer, and leave its output in `home`.
    """
    corpus = home / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={_ONE_INPUT_S}",
        f"-max_len={_INPUT_BYTES}",
        "-rss_limit_mb=2048",
    ]
    command = [sys.executable, str(_HERE / "fuzz.py"), target, str(corpus), *options]
    with (home / "output").open("wb") as output:
        return subprocess.run(command, cwd=home, stdout=output, stderr=subprocess.STDOUT, check=False).returncode


def main() -> None:
    """
    Run the campaign.
    """
    sys.path.insert(0, str(_HERE.parents[1]))
    from tests.fuzz.seeds import SEEDS  # noqa: PLC0415 (found only now)

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("targets", nargs="*", help=f"all by default: {', '.join(SEEDS)}")
    asked = parser.parse_args()
    if unknown := set(asked.targets) - SEEDS.keys():
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    broken = []
    for target in asked.targets or SEEDS:
        code = fuzz(target, asked.seconds, _CACHE / target)
        sys.stdout.write(f"{target}: {'held' if code == 0 else f'broken, see {_CACHE / target}'}\n")
        sys.stdout.flush()
        broken += [target] if code else []
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
