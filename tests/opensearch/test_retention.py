"""
Checks by hand, on a real OpenSearch, what the retention policies rely on: the plugin that runs policies is in no public
Maven repository.
"""

import urllib.error
from typing import Any, Final

import orjson
import pytest

from tests.opensearch.node import DOCS, Node

# A condition of the policy, by the condition of the API that the policy's plugin asks.
_CONDITIONS: Final = {"min_index_age": "max_age", "min_primary_shard_size": "max_size"}
_POLICY: Final = orjson.loads((DOCS / "opensearch/ism-policy.json").read_bytes())["policy"]
_TEMPLATE: Final = orjson.loads((DOCS / "opensearch/index-template.json").read_bytes())


def document(number: int) -> dict[str, Any]:
    return {"@timestamp": f"2026-11-22T03:17:{number:02}Z", "message": f"event {number}"}


def stream_of(name: str) -> str:
    return f"logs-exit137-{name}"


def put(node: Node, stream: str, *numbers: int) -> None:
    assert node.refused(stream, {f"e{number}": document(number) for number in numbers}) == []


def backing(node: Node, stream: str) -> list[str]:
    return [index["index_name"] for index in node.ask("GET", f"_data_stream/{stream}")["data_streams"][0]["indices"]]


def test_the_conditions_of_the_policy_are_those_of_a_rollover(running: Node) -> None:
    """
    A young and small index is not rolled over, and the engine understands the units.
    """
    stream = stream_of("conditions")
    put(running, stream, 1)
    (action,) = _POLICY["states"][0]["actions"]
    conditions = {_CONDITIONS[name]: value for name, value in action["rollover"].items()}
    answer = running.ask("POST", f"{stream}/_rollover?dry_run", {"conditions": conditions})
    assert set(answer["conditions"].values()) == {False}
    assert len(answer["conditions"]) == len(conditions)


def test_a_rollover_keeps_all_events_and_a_deletion_only_the_new_ones(running: Node) -> None:
    """
    Events of both indices are found under the name of the stream, until the older index is deleted.
    """
    stream = stream_of("rollover")
    put(running, stream, 1, 2)
    running.ask("POST", f"{stream}/_rollover")
    put(running, stream, 3)
    older, newer = backing(running, stream)
    assert running.found(stream) == ["e1", "e2", "e3"]
    running.ask("DELETE", older)
    assert running.found(stream) == ["e3"]
    assert backing(running, stream) == [newer]


def test_the_index_that_is_written_to_cannot_be_deleted(running: Node) -> None:
    """
    The policy deletes an index only after a newer one has replaced it.
    """
    stream = stream_of("writing")
    put(running, stream, 1)
    (only,) = backing(running, stream)
    with pytest.raises(urllib.error.HTTPError):
        running.ask("DELETE", only)
    assert running.found(stream) == ["e1"]


def test_an_event_that_is_repeated_after_a_rollover_has_the_same_id(running: Node) -> None:
    """
    The newest index does not know it, so that consumers count by `event.id`.
    """
    stream = stream_of("repeated")
    put(running, stream, 1)
    running.ask("POST", f"{stream}/_rollover")
    put(running, stream, 1)
    assert running.found(stream) == ["e1", "e1"]


def test_every_state_of_the_policy_leads_to_the_deletion() -> None:
    """
    The policy is for the streams of the template, and each event is kept for 90 days at least.
    """
    states = {state["name"]: state for state in _POLICY["states"]}
    (transition,) = states[_POLICY["default_state"]]["transitions"]
    assert transition["conditions"] == {"min_rollover_age": "90d"}
    assert states[transition["state_name"]]["actions"] == [{"delete": {}}]
    assert _POLICY["ism_template"][0]["index_patterns"] == _TEMPLATE["index_patterns"]
