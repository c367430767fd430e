"""
The agent is killed with SIGKILL again and again. `python bench/kill9.py` does this 500 times.
"""

import asyncio
from pathlib import Path
from typing import Final

import orjson
import pytest

from tests.crash.driver import JOURNAL_REMOTE, drive
from tests.unit.sinks.otlp.endpoint import endpoint
from tests.unit.sinks.splunk_hec.collector import TOKEN, collector

_KILLS: Final = 18
_SINKS: Final = """[[sinks]]
name = "otel"
type = "otlp"
url = "http://127.0.0.1:{otlp}/"
events = ["exit137.oom_kill"]
[[sinks]]
name = "splunk"
type = "splunk_hec"
url = "http://127.0.0.1:{splunk}/"
token_file = "{token}"
events = ["exit137.oom_kill"]
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not JOURNAL_REMOTE.exists(), reason="systemd-journal-remote is not installed"),
]


async def test_nothing_is_lost_and_only_events_in_flight_arrive_twice(tmp_path: Path) -> None:
    """
    The agent is killed at every named step and at random times, while OOM kills continue. Every sink gets them all:
    a file, a webhook, OpenTelemetry, and Splunk, whose indexer acknowledged them.
    """
    (tmp_path / "token").write_text(TOKEN)
    async with endpoint() as otel, collector() as splunk:
        sinks = _SINKS.format(otlp=otel.port, splunk=splunk.port, token=tmp_path / "token")

        def exported() -> set[str]:
            return {event_id for ids in otel.requests for event_id in ids}

        def have(kills: int) -> bool:
            return len(exported()) >= kills and len(set(splunk.indexed)) >= kills

        outcome = await asyncio.to_thread(drive, tmp_path, _KILLS, seed=137, sinks=sinks, have=have)
    assert outcome.happened > _KILLS
    assert outcome.missing_in_file == 0
    assert outcome.hook.sound, outcome
    assert exported() == set(splunk.indexed) == ids_in(tmp_path / "events.jsonl")
    assert len(exported()) == outcome.happened


def ids_in(file: Path) -> set[str]:
    """
    Return the ids of the whole lines of a file.
    """
    lines = file.read_bytes().splitlines()
    return {orjson.loads(line)["id"] for line in lines if line.endswith(b"}")}
