"""
Recorded hosts are replayed: the events say what really happened, with the same bytes each time.
"""

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.recordings.replay import load, play
from sinks.event import document

RECORDINGS = Path(__file__).parents[2] / "recordings"
DEBIAN_12 = RECORDINGS / "debian12-docker20-cgroup2"
# Nothing in a recording tells a program that calls exit(137) from one that was killed: a signal is possible.
UNDECIDABLE = {"fake-137": "signal"}


def _truths() -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (DEBIAN_12 / "truth.jsonl").read_bytes().splitlines()]


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return [document(event) for event in play(load(DEBIAN_12))]


@pytest.fixture(scope="module")
def deaths(events: list[dict[str, Any]]) -> Mapping[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if event["type"] == "exit137.container_death":
            found[event["data"]["container"]["id"]].append(event["data"]["exit137"])
    return found


@pytest.mark.parametrize("truth", _truths(), ids=lambda truth: f"{truth['scenario']}-{truth['name']}")
def test_each_death_has_its_true_cause(truth: dict[str, Any], deaths: Mapping[str, list[dict[str, Any]]]) -> None:
    """
    Every run that ended is published once, with its cause and exit code.
    """
    causes = set(truth["cause"].split("|")) | {UNDECIDABLE.get(truth["scenario"], "")}
    published = deaths[truth["id"]]
    assert len(published) == truth["deaths"]
    for death in published:
        assert death["cause"] in causes
        assert death["death"].get("exit_code") == truth["exit_code"]


@pytest.mark.parametrize("truth", _truths(), ids=lambda truth: f"{truth['scenario']}-{truth['name']}")
def test_each_container_has_its_kills(truth: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """
    As many victims of each container are published as were killed, even in the storm, where half of the kills have
    no cgroup in the kernel log.
    """
    kills = Counter(
        victim.get("container_id")
        for event in events
        if event["type"] == "exit137.oom_kill"
        for victim in event["data"]["exit137"]["oom"]["victims"]
    )
    assert kills[truth["id"]] == truth["oom_kills"]


def test_what_cannot_be_decided_is_not_claimed(deaths: Mapping[str, list[dict[str, Any]]]) -> None:
    """
    A death whose evidence fits two causes has the lowest confidence.
    """
    ids = [truth["id"] for truth in _truths() if truth["scenario"] in UNDECIDABLE]
    assert [death["confidence"] for container_id in ids for death in deaths[container_id]] == ["possible"]


def test_no_event_is_published_twice(events: list[dict[str, Any]]) -> None:
    """
    Ids are unique, although the kernel log was read from /dev/kmsg and from the journal, and Docker was asked twice.
    """
    ids = Counter(event["id"] for event in events)
    assert ids.most_common(1)[0][1] == 1


def test_sentences_are_as_they_were(events: list[dict[str, Any]]) -> None:
    """
    Replaying a recording prints the sentences of expected.txt.
    """
    messages = [f"{event['data']['exit137']['confidence']}: {event['data']['message']}" for event in events]
    assert messages == (RECORDINGS / "debian12-docker20-cgroup2.expected.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.slow
def test_same_recording_gives_the_same_bytes() -> None:
    """
    Two runs of the program with different hash seeds print the same bytes.
    """
    first, second = (
        subprocess.run(
            [sys.executable, "-c", "from collector.cli import main; main()", "replay", str(DEBIAN_12)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(RECORDINGS.parents[1])},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    )
    assert first == second
    assert first.count(b"\n") == sum(1 for _ in play(load(DEBIAN_12)))
