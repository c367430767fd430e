"""
Trimming events that are too large.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import sinks
from sinks.event import (
    MAX_EVENT_BYTES,
    Advice,
    Confidence,
    Container,
    EcsEvent,
    Event,
    EventType,
    Evidence,
    EvidenceSource,
    Exit137,
    Host,
    Image,
    ImageHash,
    Killer,
    Memory,
    Oom,
    Process,
    Series,
    Victim,
    to_json,
)

SCHEMA = Draft202012Validator(orjson.loads((Path(sinks.__file__).parent / "event.schema.json").read_bytes()))

DEATH = Event(
    id="0b6f3c1e",
    type=EventType.CONTAINER_DEATH,
    subject="container/5f2c",
    time_ns=1,
    message="It ended.",
    event=EcsEvent(kind="event", category=("process",), type=("end",), action="container-death", severity=5),
    host=Host(id="h"),
    container=Container(id="5f2c", labels={"com.docker.compose.service": "api"}),
    exit137=Exit137(
        confidence=Confidence.CERTAIN, evidence=(Evidence(source=EvidenceSource.DOCKER, text="exitCode=137"),)
    ),
)

# Texts of which each character takes one, four, or six bytes in JSON.
TEXTS = st.tuples(
    st.sampled_from(["x", "\N{SNOWMAN}", "\0", "\ud800", "\n", ""]),
    st.sampled_from([1, 30, 3000, 20_000, 200_000]),
)
COUNTS = st.sampled_from([0, 1, 3, 50, 2000])


def with_logs(*logs: str, **changes: object) -> Event:
    return replace(DEATH, exit137=replace(DEATH.exit137, logs=logs, **changes))


def published(event: Event) -> dict[str, Any]:
    """
    Return the published event after checking its size and the schema.
    """
    body = to_json(event)
    assert len(body) <= MAX_EVENT_BYTES
    found = orjson.loads(body)
    SCHEMA.validate(found)
    data: dict[str, Any] = found["data"]
    return data


def test_an_event_of_a_usual_size_is_not_touched() -> None:
    """
    An event of usual size is unchanged and does not mention trimming.
    """
    data = published(with_logs("one", "two"))
    assert data["exit137"]["logs"] == ["one", "two"]
    assert "trimmed" not in data["exit137"]


def test_of_log_lines_the_newest_stay() -> None:
    """
    The newest log lines stay, the event says how many there were, and the evidence is complete.
    """
    data = published(with_logs(*[f"{number} {'x' * 10_000}" for number in range(50)]))
    logs = data["exit137"]["logs"]
    assert logs[-1].startswith("49 ")
    assert data["exit137"]["trimmed"] == [{"field": "exit137.logs", "unit": "entries", "kept": len(logs), "of": 50}]
    assert data["exit137"]["evidence"] == [{"source": "docker", "text": "exitCode=137"}]


def test_a_text_of_many_pages_is_cut_before_anything_is_left_out() -> None:
    """
    A very long command line costs no log lines.
    """
    event = replace(with_logs("one", "two"), process=Process(pid=1, command_line="x" * 1_000_000))
    data = published(event)
    assert len(data["process"]["command_line"]) == 16_384
    assert data["exit137"]["logs"] == ["one", "two"]
    assert data["exit137"]["trimmed"] == [
        {"field": "process.command_line", "unit": "characters", "kept": 16_384, "of": 1_000_000}
    ]


def test_of_labels_the_short_ones_stay() -> None:
    """
    Short labels are names that people search for; long ones are documents.
    """
    labels = {f"document-{number}": "x" * 15_000 for number in range(40)} | {"com.docker.compose.service": "api"}
    data = published(replace(DEATH, container=Container(id="5f2c", labels=labels)))
    assert data["container"]["labels"]["com_docker_compose_service"] == "api"
    assert "com.docker.compose.service=api" in data["exit137"]["labels"]
    notes = {note["field"]: (note["kept"], note["of"]) for note in data["exit137"]["trimmed"]}
    assert notes["exit137.labels"] == (len(data["exit137"]["labels"]), 41)


def test_evidence_is_trimmed_last() -> None:
    """
    Of thousands of victims some stay, even if nothing else is left to trim.
    """
    victims = tuple(Victim(pid=number, name="worker" * 10) for number in range(10_000))
    oom = Oom(killer=Killer.KERNEL, group=True, victims=victims)
    data = published(with_logs(*["x" * 1000] * 50, oom=oom))
    assert len(data["exit137"]["logs"]) < 5
    assert len(data["exit137"]["oom"]["victims"]) > 1000
    assert [note["field"] for note in data["exit137"]["trimmed"]] == ["exit137.logs", "exit137.oom.victims"]


def large_event(text: str, other: str, label: str, counts: tuple[int, int, int, int]) -> Event:
    """
    Return an event with long texts and lists.

    Args:
        text: of some fields.
        other: of the other ones.
        label: the end of the name of each label.
        counts: of log lines, of entries of other lists, of labels, and of samples.
    """
    lines, things, labels, samples = counts
    victims = (Victim(pid=1, name=other, container_id=text),) * things
    return replace(
        DEATH,
        subject=f"s{text}",
        message=text,
        host=Host(id="h" * (1 + len(other)), hostname=text),
        container=Container(
            id=text,
            name=other,
            labels={f"{number}{label}": text for number in range(labels)},
            image=Image(name=text, tag=(other,) * things, hash=ImageHash(all=(text,) * things)),
        ),
        process=Process(pid=1, name=text, command_line=other),
        exit137=Exit137(
            confidence=Confidence.LIKELY,
            evidence=(Evidence(source=EvidenceSource.KMSG, text=text),) * things,
            oom=Oom(killer=Killer.KERNEL, victims=victims, limit_cgroup=text, choice=other),
            memory=Memory(series=Series(seconds=(-1.5,) * samples, bytes=(1,) * samples)),
            advice=(Advice(kind="limit", text=text, reason=other),) * things,
            logs=(text,) * lines,
        ),
    )


@pytest.mark.timeout(180)
@pytest.mark.slow
@settings(max_examples=25)
@given(texts=st.tuples(TEXTS, TEXTS, TEXTS), counts=st.tuples(COUNTS, COUNTS, COUNTS, COUNTS))
def test_any_event_is_valid_and_small_enough(
    texts: tuple[tuple[str, int], ...], counts: tuple[int, int, int, int]
) -> None:
    """
    Whatever part of an event is large, the result is valid, fits, and names what was trimmed.
    """
    text, other, label = (character * count for character, count in texts)
    lines, things, labels, samples = counts
    budget = max(1, 200_000 // max(len(text), len(other), len(label), 1))
    lines, things, labels = min(lines, budget), min(things, budget), min(labels, budget)
    data = published(large_event(text, other, label, (lines, things, labels, samples)))
    logs = data["exit137"]["logs"]
    named = {note["field"] for note in data["exit137"].get("trimmed", ())}
    assert len(logs) == lines or "exit137.logs" in named
    assert len(data["exit137"]["evidence"]) == things or "exit137.evidence" in named
    assert len(data["exit137"]["labels"]) == labels or "exit137.labels" in named
    series = data["exit137"]["memory"]["series"]
    assert len(series["seconds"]) == len(series["bytes"])
    assert len(series["bytes"]) == samples or "exit137.memory.series" in named
    assert len(data["message"]) == len(text) or "message" in named
