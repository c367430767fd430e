"""
Fuzz one target until something breaks it: `python tests/fuzz/fuzz.py TARGET CORPUS [options of libFuzzer]`.

libFuzzer mutates inputs, guided by the coverage that atheris measures. An input that breaks the target is written to
`crash-…` in the current directory; given instead of CORPUS, it is tried again.
"""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))
with atheris.instrument_imports(include=["parsers", "collector", "sinks"]):
    from tests.fuzz.seeds import SEEDS
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """
    Write the seeds of the target, and hand over to libFuzzer.
    """
    program, name, corpus, *options = sys.argv
    if Path(corpus).is_dir():
        for number, seed in enumerate(SEEDS[name]):
            (Path(corpus) / f"seed-{number}").write_bytes(seed)
    atheris.Setup([program, corpus, *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
