"""
Measures the masking of secrets: what it finds in the corpus of the tests, what it masks in vain, and how long it takes.

`python bench/masking.py`. Goals: everything found, nothing masked in vain, under 50 µs a line.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from sinks.masking import mask_text
from tests.unit.sinks.masking.ordinary_lines import ordinary_lines
from tests.unit.sinks.masking.secret_forms import all_forms

RECORDING: Final = Path(__file__).parent.parent / "tests/recordings/debian12-docker20-cgroup2"
HOSTILE: Final = ("password=", "token=a,", "identified by ", "mysql -", "eyJ", "\\", "http://a:", "password: |\n")
HOSTILE_LENGTH: Final = 100_000
ROUNDS: Final = 3


def main() -> None:
    """
    Print the figures.
    """
    forms, ordinary = all_forms(), ordinary_lines()
    found = sum(not any(secret in mask_text(form.text) for secret in form.secrets) for form in forms)
    recorded = [
        line
        for name in ("journal-units.export", "kmsg.raw", "events.jsonl")
        for line in (RECORDING / name).read_text(encoding="utf-8", errors="replace").splitlines()
    ]
    print(
        json.dumps(
            {
                "forms": len(forms),
                "forms_masked": found,
                "ordinary_lines": len(ordinary),
                "ordinary_lines_changed": sum(mask_text(line) != line for line in ordinary),
                "recorded_lines": len(recorded),
                "recorded_lines_changed": sum(mask_text(line) != line for line in recorded),
                "us_per_line_with_secret": microseconds([form.text for form in forms], mask_text),
                "us_per_ordinary_line": microseconds(ordinary, mask_text),
                "us_per_recorded_line": microseconds(recorded, mask_text),
                "slowest_hostile_us_per_character": max(map(hostile, HOSTILE)),
            },
            indent=2,
        )
    )


def microseconds(texts: Sequence[str], mask: Callable[[str], str]) -> float:
    """
    Return the processor time per text, the best of three rounds; a blank before each defeats what is remembered.
    """
    rounds = []
    for number in range(ROUNDS):
        fresh = [f"{' ' * (number + 1)}{text}" for text in texts]
        began_s = time.process_time()
        for text in fresh:
            mask(text)
        rounds.append(time.process_time() - began_s)
    return round(min(rounds) / len(texts) * 1e6, 1)


def hostile(piece: str) -> float:
    """
    Return the processor time per character of a text that is made to be slow.
    """
    text = (piece * (HOSTILE_LENGTH // len(piece) + 1))[:HOSTILE_LENGTH]
    began_s = time.process_time()
    mask_text(text)
    return round((time.process_time() - began_s) / HOSTILE_LENGTH * 1e6, 2)


if __name__ == "__main__":
    main()
