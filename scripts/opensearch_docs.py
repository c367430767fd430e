#!/usr/bin/env python3
"""
Write the files in docs/opensearch/ from sinks/event.schema.json, searches.json and charts.json, and the fields of the
index of a hub.

For each engine a component template with the type of every field, an index template for the data stream, and a policy
of retention; for OpenSearch Dashboards the searches, the charts and a dashboard of them.
"""

import json
from pathlib import Path
from typing import Any, Final

from scripts.opensearch_saved import saved_objects

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "docs/opensearch"
# The same fields for the index that a hub makes.
HUB_FIELDS: Final = Path("../../fleet/opensearch/event_fields.json")
SCHEMA: Final = ROOT / "sinks/event.schema.json"
PATTERN: Final = "logs-exit137-*"
RETENTION_DAYS: Final = 90
ENGINES: Final = ("opensearch", "elasticsearch")

_IGNORED_ABOVE: Final = 1024
# Read by people or drawn as curves, never searched.
_NOT_INDEXED: Final = frozenset(
    {
        "exit137.memory.series",
        "exit137.oom.candidates",
        "exit137.status.sources",
        "exit137.trimmed",
    }
)
# Full text: by the last name of a field, or by its path.
_PROSE: Final = frozenset({"message", "text", "choice", "unless", "logs", "logs_missing"})
_PROSE_PATHS: Final = frozenset({"exit137.advice.reason"})
# Both a keyword and full text.
_KEYWORD_AND_TEXT: Final = frozenset({"process.command_line"})
_LABELS: Final = "container.labels"
_TYPES: Final = {"integer": "long", "number": "double", "boolean": "boolean"}


def files() -> dict[Path, str]:
    """
    Return the content of every file, by its path in docs/opensearch/.
    """
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    searches, charts = (
        json.loads((FOLDER / name).read_text(encoding="utf-8")) for name in ("searches.json", "charts.json")
    )
    saved = saved_objects(PATTERN, searches, charts)
    found = {Path("opensearch/saved-objects.ndjson"): "".join(f"{json.dumps(item)}\n" for item in saved)}
    for engine in ENGINES:
        folder = Path(engine)
        found[folder / "component-template.json"] = _json(_component(schema, engine))
        found[folder / "index-template.json"] = _json(_index_template(engine))
    found[HUB_FIELDS] = _json(_component(schema, "opensearch")["template"]["mappings"]["properties"])
    found[Path("opensearch/ism-policy.json")] = _json(_ism_policy())
    found[Path("elasticsearch/ilm-policy.json")] = _json(_ilm_policy())
    return found


def _component(schema: dict[str, Any], engine: str) -> dict[str, Any]:
    properties = _properties(schema["properties"]["data"]["properties"], schema["$defs"], engine)
    properties["event"]["properties"]["id"] = _keyword()
    return {
        "template": {"mappings": {"dynamic": False, "date_detection": False, "properties": properties}},
        "_meta": {
            "description": "The fields of exit137's events, version 1. Fields that it lacks are kept, not indexed."
        },
    }


def _properties(fields: dict[str, Any], definitions: dict[str, Any], engine: str, prefix: str = "") -> dict[str, Any]:
    return {name: _mapping(f"{prefix}{name}", field, definitions, engine) for name, field in fields.items()}


def _mapping(path: str, field: dict[str, Any], definitions: dict[str, Any], engine: str) -> dict[str, Any]:
    field = field.get("items", field)
    field = definitions[field["$ref"].rsplit("/")[-1]] if "$ref" in field else field
    if path == _LABELS:
        return {"type": "flat_object" if engine == "opensearch" else "flattened"}
    if path in _NOT_INDEXED:
        return {"type": "object", "enabled": False}
    if field.get("type") == "object":
        return {"properties": _properties(field["properties"], definitions, engine, f"{path}.")}
    return _scalar(path, field)


def _scalar(path: str, field: dict[str, Any]) -> dict[str, Any]:
    if field.get("format") == "date-time":
        return {"type": "date"}
    kind = "integer" if isinstance(field.get("const"), int) else field.get("type")
    if kind in _TYPES:
        return {"type": _TYPES[kind]}
    if path in _KEYWORD_AND_TEXT:
        return {**_keyword(), "fields": {"text": {"type": "text"}}}
    return {"type": "text"} if path.rpartition(".")[2] in _PROSE or path in _PROSE_PATHS else _keyword()


def _keyword() -> dict[str, Any]:
    return {"type": "keyword", "ignore_above": _IGNORED_ABOVE}


def _index_template(engine: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"number_of_shards": 1, "codec": "best_compression"}
    if engine == "elasticsearch":
        settings["lifecycle"] = {"name": "exit137"}
    return {
        "index_patterns": [PATTERN],
        "data_stream": {},
        "priority": 500,
        "composed_of": ["exit137"],
        "template": {"settings": {"index": settings}},
    }


def _ism_policy() -> dict[str, Any]:
    """
    Return the policy for OpenSearch's Index State Management.
    """
    rollover = {"min_index_age": "30d", "min_primary_shard_size": "25gb"}
    # Not the age of the index: an event that was written on its last day would be kept for 60 days only.
    delete = [{"state_name": "delete", "conditions": {"min_rollover_age": f"{RETENTION_DAYS}d"}}]
    return {
        "policy": {
            "description": f"exit137: a new index every 30 days or 25 GB, deleted {RETENTION_DAYS} days later.",
            "default_state": "write",
            "states": [
                {"name": "write", "actions": [{"rollover": rollover}], "transitions": delete},
                {"name": "delete", "actions": [{"delete": {}}], "transitions": []},
            ],
            "ism_template": [{"index_patterns": [PATTERN], "priority": 500}],
        }
    }


def _ilm_policy() -> dict[str, Any]:
    """
    Return the policy for Elasticsearch's Index Lifecycle Management.
    """
    rollover = {"max_age": "30d", "max_primary_shard_size": "25gb"}
    return {
        "policy": {
            "phases": {
                "hot": {"actions": {"rollover": rollover}},
                "delete": {"min_age": f"{RETENTION_DAYS}d", "actions": {"delete": {}}},
            }
        }
    }


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"


def main() -> None:
    """
    Write the files.
    """
    for path, content in files().items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
