"""
Make the saved objects for OpenSearch Dashboards: an index pattern, searches, charts, and a dashboard of them.

Charts use only kinds that every version has (`visState` of a visualization). Everything else has Dashboards' defaults.
"""

import json
from typing import Any, Final

_VIEW: Final = "exit137-events"
_INDEX: Final = "kibanaSavedObjectMeta.searchSourceJSON.index"
_ROW: Final = 15
_MOST_BUCKETS: Final = 10


def saved_objects(pattern: str, searches: list[dict[str, Any]], charts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Return the saved objects, ordered so that each refers only to earlier ones.

    Args:
        pattern: the names of the data streams.
        searches: the entries of searches.json.
        charts: the entries of charts.json.
    """
    view = {
        "type": "index-pattern",
        "id": _VIEW,
        "attributes": {"title": pattern, "timeFieldName": "@timestamp"},
        "references": [],
    }
    panels = [*map(_chart, charts), *map(_search, searches)]
    return [view, *panels, _dashboard(panels)]


def _search(item: dict[str, Any]) -> dict[str, Any]:
    attributes = {"columns": item["columns"], "sort": [["@timestamp", "desc"]]}
    return _queried("search", item, attributes)


def _chart(item: dict[str, Any]) -> dict[str, Any]:
    metrics = [_aggregation(number, "metric", metric) for number, metric in enumerate(item["metrics"], 1)]
    schemas = ("segment", "group") if item["kind"] == "histogram" else ("bucket", "bucket")
    buckets = [
        _aggregation(len(metrics) + number, schema, bucket)
        for number, (schema, bucket) in enumerate(zip(schemas, item["buckets"], strict=False), 1)
    ]
    state = {
        "title": f"exit137: {item['title']}",
        "type": item["kind"],
        "params": {"type": item["kind"]},
        "aggs": metrics + buckets,
    }
    return _queried("visualization", item, {"visState": json.dumps(state), "uiStateJSON": "{}", "version": 1})


def _aggregation(number: int, schema: str, item: dict[str, Any]) -> dict[str, Any]:
    params: dict[str, Any] = {"field": item["field"]} if "field" in item else {}
    if item["type"] == "terms":
        params |= {"size": _MOST_BUCKETS, "order": "desc", "orderBy": "1"}
    if item["type"] == "date_histogram":
        params |= {"interval": "auto", "min_doc_count": 1}
    return {"id": str(number), "enabled": True, "type": item["type"], "schema": schema, "params": params}


def _queried(kind: str, item: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    source = {"query": {"language": "lucene", "query": item["query"]}, "filter": [], "indexRefName": _INDEX}
    return {
        "type": kind,
        "id": f"exit137-{item['id']}",
        "attributes": {
            "title": f"exit137: {item['title']}",
            **attributes,
            "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
        },
        "references": [{"name": _INDEX, "type": "index-pattern", "id": _VIEW}],
    }


def _dashboard(panels: list[dict[str, Any]]) -> dict[str, Any]:
    grid = [
        {
            "panelIndex": str(number),
            "panelRefName": f"panel_{number}",
            "gridData": {"x": 24 * (number % 2), "y": _ROW * (number // 2), "w": 24, "h": _ROW, "i": str(number)},
            "embeddableConfig": {},
        }
        for number in range(len(panels))
    ]
    return {
        "type": "dashboard",
        "id": "exit137",
        "attributes": {
            "title": "exit137",
            "panelsJSON": json.dumps(grid),
            "optionsJSON": json.dumps({"useMargins": True, "hidePanelTitles": False}),
            "timeRestore": True,
            "timeFrom": "now-7d",
            "timeTo": "now",
            "kibanaSavedObjectMeta": {
                "searchSourceJSON": json.dumps({"query": {"language": "lucene", "query": ""}, "filter": []})
            },
        },
        "references": [
            {"name": f"panel_{number}", "type": panel["type"], "id": panel["id"]} for number, panel in enumerate(panels)
        ],
    }
