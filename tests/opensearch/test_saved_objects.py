"""
The queries of the saved objects for OpenSearch Dashboards find the right documents and figures in a real OpenSearch.

Dashboards itself does not run here. The aggregations of a chart are nested as Dashboards nests them: bucket in bucket,
the metrics in the innermost.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
import pytest

from tests.opensearch.everything import EXPECTED, Documents, at
from tests.opensearch.node import DOCS, Node

OBJECTS: Final = [orjson.loads(line) for line in (DOCS / "opensearch/saved-objects.ndjson").read_bytes().splitlines()]
CHARTS: Final = {item["id"]: item for item in OBJECTS if item["type"] == "visualization"}
SEARCHES: Final = {item["id"]: item for item in OBJECTS if item["type"] == "search"}
# The documents that each chart is about.
ABOUT: Final = {
    "exit137-deaths-by-cause": lambda doc: at(doc, "event.action") == "container-death",
    "exit137-kills-by-scope": lambda doc: at(doc, "event.action") == "oom-kill",
    "exit137-kills-by-container": lambda doc: at(doc, "event.action") == "oom-kill",
    "exit137-peak-by-container": lambda doc: at(doc, "exit137.memory.peak_bytes") is not None,
}
_COUNT: Final = "count"
_LONGEST_KEYWORD: Final = 1024


def query_of(item: Mapping[str, Any]) -> str:
    source = orjson.loads(item["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    assert source["query"]["language"] == "lucene"
    return str(source["query"]["query"])


def split(chart: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """
    Return the buckets and the metrics of a chart.
    """
    found = orjson.loads(chart["attributes"]["visState"])["aggs"]
    metrics = [item for item in found if item["schema"] == "metric"]
    return [item for item in found if item not in metrics], metrics


def request_of(chart: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the search that draws a chart.
    """
    buckets, metrics = split(chart)
    inner = {
        item["id"]: {item["type"]: {"field": item["params"]["field"]}} for item in metrics if item["type"] != _COUNT
    }
    order = "_count" if metrics[0]["type"] == _COUNT else metrics[0]["id"]
    for bucket in reversed(buckets):
        inner = {bucket["id"]: {**bucket_of(bucket, order), **({"aggs": inner} if inner else {})}}
    return {"size": 0, "query": {"query_string": {"query": query_of(chart)}}, "aggs": inner}


def bucket_of(bucket: Mapping[str, Any], order: str) -> dict[str, Any]:
    params = bucket["params"]
    if bucket["type"] == "date_histogram":
        return {"auto_date_histogram": {"field": params["field"], "buckets": 50}}
    return {"terms": {"field": params["field"], "size": params["size"], "order": {order: params["order"]}}}


def rows(found: Mapping[str, Any], buckets: list[Any], path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """
    Yield the innermost buckets, each with the keys that lead to it.
    """
    if not buckets:
        yield path, found
        return
    for bucket in found[buckets[0]["id"]]["buckets"]:
        key = () if buckets[0]["type"] == "date_histogram" else (bucket["key"],)
        yield from rows(bucket, buckets[1:], path + key)


def fields_of(chart: Mapping[str, Any]) -> list[str]:
    """
    Return the fields whose values make the rows of a chart.
    """
    return [item["params"]["field"] for item in split(chart)[0] if item["type"] == "terms"]


def keys_of(document: Mapping[str, Any], fields: list[str]) -> tuple[Any, ...] | None:
    """
    Return a document's row; None if it has none, because a field is missing or too long to be indexed.
    """
    found = tuple(at(document, field) for field in fields)
    return None if any(key is None or len(key) > _LONGEST_KEYWORD for key in found) else found


@pytest.mark.parametrize("name", SEARCHES)
def test_each_search_of_the_dashboard_finds_what_it_says(
    running: Node, stream: str, everything: Documents, name: str
) -> None:
    """
    It finds all events of its kind and no other, and its columns are fields that the index has.
    """
    is_meant = EXPECTED[name.removeprefix("exit137-")]
    expected = sorted(key for key, doc in everything.items() if is_meant(doc))
    assert running.found(stream, query_of(SEARCHES[name])) == expected
    columns = SEARCHES[name]["attributes"]["columns"]
    assert [field for field in columns if field not in running.fields(stream, columns)] == []


@pytest.mark.parametrize("name", CHARTS)
def test_each_chart_counts_what_it_shows(running: Node, stream: str, everything: Documents, name: str) -> None:
    """
    Every row has the documents that belong to it, and the largest rows are there.
    """
    chart = CHARTS[name]
    meant = [doc for doc in everything.values() if ABOUT[name](doc)]
    expected = Counter(keys for doc in meant if (keys := keys_of(doc, fields_of(chart))) is not None)
    answer = running.ask("POST", f"{stream}/_search", request_of(chart))
    counts: Counter[Any] = Counter()
    for keys, bucket in rows(answer["aggregations"], split(chart)[0]):
        counts[keys] += bucket["doc_count"]
    assert answer["hits"]["total"]["value"] == len(meant)
    assert counts
    assert {keys: expected[keys] for keys in counts} == counts


def test_the_table_of_memory_has_the_highest_figures(running: Node, stream: str, everything: Documents) -> None:
    """
    Its columns are the highest use and the highest limit of each container.
    """
    chart = CHARTS["exit137-peak-by-container"]
    buckets, metrics = split(chart)
    answer = running.ask("POST", f"{stream}/_search", request_of(chart))
    meant = [doc for doc in everything.values() if ABOUT["exit137-peak-by-container"](doc)]
    for (container,), bucket in rows(answer["aggregations"], buckets):
        for metric in metrics:
            values = [at(doc, metric["params"]["field"]) for doc in meant if at(doc, "container.name") == container]
            known = [value for value in values if value is not None]
            assert bucket[metric["id"]]["value"] == (float(max(known)) if known else None)


def test_every_panel_shows_an_object_that_is_there() -> None:
    """
    References lead to objects in the same file, and the time field is the one that documents have.
    """
    there = {(item["type"], item["id"]) for item in OBJECTS}
    assert [ref for item in OBJECTS for ref in item["references"] if (ref["type"], ref["id"]) not in there] == []
    (dashboard,) = (item for item in OBJECTS if item["type"] == "dashboard")
    panels = orjson.loads(dashboard["attributes"]["panelsJSON"])
    assert [panel["panelRefName"] for panel in panels] == [ref["name"] for ref in dashboard["references"]]
    assert len(panels) == len(CHARTS) + len(SEARCHES)
