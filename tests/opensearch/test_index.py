"""
A real OpenSearch accepts every event, with the template and without, and finds what the saved searches ask for.
"""

from typing import Final

import orjson
import pytest

from sinks.base import Outgoing
from sinks.formats import Format
from tests.opensearch.everything import EXPECTED, SAMPLE, Documents, at, documents
from tests.opensearch.node import DOCS, Node

SEARCHES: Final = {item["id"]: item["query"] for item in orjson.loads((DOCS / "searches.json").read_bytes())}
LABEL: Final = "com.docker.compose.service=api"


def test_every_event_is_accepted_without_a_template(running: Node, index: str, everything: Documents) -> None:
    """
    A new index takes the type of a field from its first value, and no later event is refused for it.
    """
    assert len(everything) > SAMPLE
    assert running.refused(index, everything) == []
    assert len(running.found(index)) == len(everything)


@pytest.mark.parametrize("form", [Format.CLOUDEVENTS, Format.OCSF])
def test_every_event_is_accepted_in_each_format(
    running: Node, index: str, events: list[Outgoing], form: Format
) -> None:
    """
    The fields of the other formats have one type each, too.
    """
    found = documents(events, form)
    assert running.refused(index, found) == []
    assert len(running.found(index)) == len(found) > SAMPLE


def test_every_event_is_accepted_in_the_order_that_is_worst(running: Node, index: str, everything: Documents) -> None:
    """
    The first event to have a field may be any.
    """
    assert running.refused(index, dict(reversed(everything.items()))) == []


def test_every_event_is_accepted_with_the_template(running: Node, stream: str, everything: Documents) -> None:
    """
    The name of the data stream is the pattern's, so that the first event creates it.
    """
    assert running.ask("GET", f"_data_stream/{stream}")["data_streams"][0]["template"] == "exit137"
    assert len(running.found(stream)) == len(everything)


@pytest.mark.parametrize("name", SEARCHES)
def test_each_saved_search_finds_what_it_says(running: Node, stream: str, everything: Documents, name: str) -> None:
    """
    It finds all events of its kind, at least one, and no other.
    """
    expected = sorted(event_id for event_id, document in everything.items() if EXPECTED[name](document))
    assert expected
    assert running.found(stream, SEARCHES[name]) == expected


def test_labels_are_found_in_both_forms(running: Node, stream: str, everything: Documents) -> None:
    """
    One label by its key, and any label by its original text.
    """
    expected = [name for name, doc in everything.items() if LABEL in (at(doc, "exit137.labels") or ())]
    assert expected
    assert running.found(stream, "container.labels.com_docker_compose_service:api") == sorted(expected)
    assert running.found(stream, f'exit137.labels:"{LABEL}"') == sorted(expected)


def test_a_curve_is_kept_and_not_indexed(running: Node, stream: str) -> None:
    """
    The samples come back as they were sent, and are not indexed.
    """
    curves = [curve for doc in running.documents(stream) if (curve := at(doc, "exit137.memory.series"))]
    assert any(curve["seconds"] for curve in curves)
    assert running.found(stream, "_exists_:exit137.memory.series.bytes") == []


def test_figures_can_be_summed_and_times_sorted(running: Node, stream: str) -> None:
    """
    Bytes are numbers and times are dates.
    """
    query = {
        "size": 1,
        "sort": [{"exit137.death.finished_at": "desc"}],
        "aggs": {"peak": {"max": {"field": "exit137.memory.peak_bytes"}}},
    }
    answer = running.ask("POST", f"{stream}/_search", query)
    assert answer["aggregations"]["peak"]["value"] > 0
    assert answer["hits"]["hits"][0]["sort"]
