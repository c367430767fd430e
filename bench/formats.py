"""
Measures how much CPU time it takes to render an event in each format, and how large the result is.

`python bench/formats.py`. Goal: under 0.5 ms per event, so that 2,000 events per second need less than one core.
"""

import json
import time
from datetime import UTC, datetime
from typing import Final

from sinks.formats import Format, rendered
from tests.unit.sinks.chat import scenes

ROUNDS: Final = 10
NOW: Final = datetime(2026, 11, 29, tzinfo=UTC)


def main() -> None:
    """
    Print the figures for the recorded events.
    """
    events = scenes.outgoing(scenes.recorded())
    figures: dict[str, dict[str, float]] = {}
    for form in Format:
        rounds = []
        for _ in range(ROUNDS):
            began_s = time.process_time()
            size_bytes = sum(len(rendered(event, form, NOW)) for event in events)
            rounds.append(time.process_time() - began_s)
        figures[form.value] = {
            "us_per_event": round(min(rounds) / len(events) * 1e6, 1),
            "bytes_per_event": round(size_bytes / len(events)),
        }
    print(json.dumps({"events": len(events), **figures}, indent=2))


if __name__ == "__main__":
    main()
