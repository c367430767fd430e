"""
Every event as an OCSF document: valid by the published schema, with nothing lost.
"""

import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.base import Outgoing
from sinks.event import Event, EventType, to_json
from sinks.formats import Format, rendered
from sinks.formats.ocsf import _CLASSES
from tests.shared.any_event import EVENTS
from tests.shared.ocsf import NOW, ocsf_of, outgoing_of, problems
from tests.unit.sinks.chat import scenes

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e9, 1e9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TYPES: Final = st.sampled_from([kind.value for kind in EventType] + ["exit137.from_the_future"])


def scalars(value: Any) -> Iterator[str]:  # noqa: ANN401 (JSON)
    """
    Yield every text, number and truth value, at any depth.
    """
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from scalars(item)
    else:
        yield repr(value)


def lost(event: Outgoing) -> Counter[str]:
    """
    Return what the data of an event has and its document lacks.
    """
    return Counter(scalars(orjson.loads(event.body)["data"])) - Counter(scalars(ocsf_of(event)))


def sent(event_type: str, data: Any, **envelope: Any) -> Outgoing:  # noqa: ANN401 (JSON)
    return Outgoing(id="e1", type=event_type, key="k", body=orjson.dumps({"data": data, **envelope}))


@pytest.mark.parametrize("name", scenes.SCENES)
def test_the_events_of_a_host_are_valid_and_whole(name: str) -> None:
    """
    The events of the recordings and of the played scenes lose nothing.
    """
    for event in scenes.SCENES[name]():
        assert problems(ocsf_of(event)) == []
        assert not lost(event)


@settings(max_examples=60)
@given(EVENTS)
def test_every_event_that_the_types_allow_is_valid_and_whole(event: Event) -> None:
    """
    Whatever fields an event has, its document is valid and has all of them.
    """
    found = outgoing_of(event)
    assert problems(ocsf_of(found)) == []
    assert not lost(found)


@settings(max_examples=60)
@given(EVENTS, TYPES, st.randoms(use_true_random=False), JSON)
def test_a_field_of_an_unexpected_type_is_kept(event: Event, event_type: str, rng: Any, odd: Any) -> None:  # noqa: ANN401
    """
    A stored event of another version may have any JSON in any place: it is kept, and the document stays valid.
    """
    data = orjson.loads(to_json(event))["data"]
    for _ in range(3):
        replace_one(data, rng, odd)
    found = sent(event_type, data, subject=odd)
    assert problems(ocsf_of(found)) == []
    assert not lost(found)


def replace_one(value: Any, rng: Any, odd: Any) -> None:  # noqa: ANN401 (JSON)
    """
    Put something else in a random place of a JSON object.
    """
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = rng.choice(keys)
        if not isinstance(value[key], dict | list) or rng.random() < 0.3:
            value[key] = copy.deepcopy(odd)
            return
        value = value[key]


@given(JSON, TYPES)
def test_any_data_is_a_valid_document(data: Any, event_type: str) -> None:  # noqa: ANN401 (JSON)
    """
    Data that is no object is the message.
    """
    assert problems(ocsf_of(sent(event_type, data))) == []


@given(st.binary(max_size=40), TYPES, st.sampled_from([Format.ECS, Format.OCSF]))
def test_a_body_that_is_no_json_is_sent_as_a_message(body: bytes, event_type: str, form: Format) -> None:
    """
    An error would hold back all later events of the sink.
    """
    found = orjson.loads(rendered(Outgoing(id="e1", type=event_type, key="k", body=body), form, NOW))
    assert isinstance(found["message"], str)
    assert form is Format.ECS or problems(found) == []


@pytest.mark.parametrize("kind", EventType)
def test_every_type_of_event_has_a_class(kind: EventType) -> None:
    """
    Who adds a type decides about its class (docs/adr/0019).
    """
    assert kind in _CLASSES


def test_a_death_is_a_new_finding_about_a_container() -> None:
    """
    What a rule of a SIEM reads is where the schema has it.
    """
    (event,) = scenes.leak()
    found = ocsf_of(event)
    assert (found["class_uid"], found["type_uid"], found["is_alert"]) == (2004, 200401, True)
    assert (found["severity"], found["confidence"], found["status_code"]) == ("Critical", "High", "137")
    assert found["metadata"]["uid"] == found["finding_info"]["uid"] == event.id
    assert found["resources"][0]["name"] == found["device"]["container"]["name"] == "shop-api-1"
    assert found["metadata"]["original_time"] == "2026-09-21T14:23:20.100000Z"
    assert found["time"] == 1_790_000_600_100
    assert {item["name"] for item in found["evidences"]} >= {"process", "victim", "kmsg", "docker"}
    assert found["unmapped"]["exit137"]["cause"] == "oom_kill"
    assert found["unmapped"].keys() & {"message", "host"} == set()


def test_a_warning_and_its_end_are_one_finding() -> None:
    """
    The end closes the finding that the warning made; each has an id of its own.
    """
    (warning,), (resolved,) = scenes.warning(), scenes.resolved()
    made, ended = ocsf_of(warning), ocsf_of(resolved)
    assert made["finding_info"]["uid"].startswith("1" * 32)
    assert ended["finding_info"]["uid"].startswith("1" * 32)
    assert (ended["activity_name"], ended["status"], ended["is_alert"]) == ("Close", "Resolved", False)
    assert made["metadata"]["uid"] != ended["metadata"]["uid"]


@pytest.mark.parametrize(
    ("level", "at", "activity"),
    [
        ("warning", "2026-11-22T03:00:00.000000Z", "Create"),
        ("critical", "2026-11-22T03:05:00.000000Z", "Update"),
        ("resolved", "2026-11-22T03:09:00.000000Z", "Close"),
    ],
)
def test_the_life_of_a_warning_is_one_finding(level: str, at: str, activity: str) -> None:
    """
    A consumer that keeps the newest state of each finding sees it made, raised and closed.
    """
    pressure = {"kind": "limit", "level": level, "since": "2026-11-22T03:00:00.000000Z"}
    data = {"@timestamp": at, "host": {"id": "h"}, "exit137": {"pressure": pressure}}
    found = ocsf_of(sent("exit137.memory_pressure", data, subject="container/c"))
    assert found["activity_name"] == activity
    assert found["finding_info"]["uid"] == "h/container/c/limit/2026-11-22T03:00:00.000000Z"


def test_an_event_that_replaces_another_updates_its_finding() -> None:
    """
    A kill that a counter showed first is the same finding when its line is read.
    """
    found = ocsf_of(sent("exit137.oom_kill", {"exit137": {"supersedes": "e0"}}))
    assert (found["activity_name"], found["finding_info"]["uid"], found["metadata"]["uid"]) == ("Update", "e0", "e1")


def test_lost_evidence_is_no_finding() -> None:
    """
    A rule for findings never fires for the state of the agent.
    """
    (event,) = scenes.gap()
    found = ocsf_of(event)
    assert (found["class_uid"], found["status"], found["status_code"]) == (6008, "Failure", "records_lost")
    assert "finding_info" not in found


def test_the_return_of_a_source_is_no_error() -> None:
    """
    The agent says that it is well again, with the same class and another status.
    """
    found = ocsf_of(sent("exit137.agent", {"exit137": {"gap": {"source": "kmsg", "what": "source_up"}}}))
    assert (found["activity_name"], found["status"]) == ("Other", "Success")


def test_an_event_without_a_time_has_that_of_sending() -> None:
    """
    OCSF demands a time; `metadata.original_time` is missing then.
    """
    found = ocsf_of(sent("exit137.oom_kill", {}))
    assert found["time"] == int(NOW.timestamp() * 1000)
    assert "original_time" not in found["metadata"]
