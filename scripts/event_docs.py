#!/usr/bin/env python3
"""
Write the tables of fields in docs/event.md from the descriptions in sinks/event.schema.json.

The page has one block for each part of the event, between two HTML comments. Everything outside the blocks is written
by hand.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs/event.md"
SCHEMA: Final = ROOT / "sinks/event.schema.json"

_BLOCK: Final = re.compile(
    r"(<!-- fields: (\w+), written by scripts/event_docs\.py -->\n).*?(<!-- end of fields -->)", re.DOTALL
)
_HEAD: Final = "| field | type | meaning |\n| --- | --- | --- |\n"


def with_tables(page: str, schema: dict[str, Any]) -> str:
    """
    Return the page with the tables of this schema in its blocks.
    """
    data = schema["properties"]["data"]["properties"]
    parts = {
        "envelope": _rows(schema["properties"], schema["$defs"], only=set(schema["properties"]) - {"data"}, deep=False),
        "data": _rows(data, schema["$defs"], only=set(data) - {"exit137"}),
        "exit137": _rows(data, schema["$defs"], only={"exit137"}),
    }
    tables = {name: _HEAD + "".join(rows) for name, rows in parts.items()}
    return _BLOCK.sub(lambda block: f"{block[1]}{tables[block[2]]}{block[3]}", page)


def _rows(
    properties: dict[str, Any],
    definitions: dict[str, Any],
    *,
    prefix: str = "",
    only: set[str] | None = None,
    deep: bool = True,
) -> Iterator[str]:
    for name, field in properties.items():
        if only is not None and name not in only:
            continue
        definition = _definition(field.get("items", field), definitions)
        yield f"| `{prefix}{name}` | {_type(field, definitions)} | {_meaning(field, definition)} |\n"
        if deep:
            yield from _rows(definition.get("properties", {}), definitions, prefix=f"{prefix}{name}.")


def _definition(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    return definitions[field["$ref"].rsplit("/")[-1]] if "$ref" in field else field


def _type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    if field.get("type") == "array":
        items = _definition(field["items"], definitions)
        return f"list of {items['type']}s"
    definition = _definition(field, definitions)
    if "const" in definition:
        return f"`{definition['const']}`"
    return "time" if definition.get("format") == "date-time" else definition.get("type", "string")


def _meaning(field: dict[str, Any], definition: dict[str, Any]) -> str:
    text: str = re.sub(r"docs/(\w+\.md)", r"[\1](\1)", field["description"])
    values = [value for value in definition.get("enum", ()) if f"`{value}`" not in text]
    return f"{text} {', '.join(f'`{value}`' for value in values)}".strip()


def main() -> None:
    """
    Rewrite the blocks of the page.
    """
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_tables(page, json.loads(SCHEMA.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
