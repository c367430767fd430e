"""
The tables of fields in docs/event.md come from the schema.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.event_docs import PAGE, SCHEMA, with_tables

DOCUMENT: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))


def test_the_tables_are_those_of_the_schema() -> None:
    """
    Running `make event-docs` changes nothing.
    """
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page, DOCUMENT) == page


def test_the_page_has_a_block_for_each_part() -> None:
    """
    The envelope, the data and the namespace of exit137 have one table each.
    """
    blocks = re.findall(r"^<!-- fields: (\w+),", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert blocks == ["envelope", "data", "exit137"]


def objects() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "envelope", DOCUMENT
    yield "data", DOCUMENT["properties"]["data"]
    yield from ((name, item) for name, item in DOCUMENT["$defs"].items() if "properties" in item)


@pytest.mark.parametrize("definition", [pytest.param(item, id=name) for name, item in objects()])
def test_every_field_of_the_schema_has_a_description(definition: dict[str, Any]) -> None:
    """
    A field without a description has no meaning in the table.
    """
    assert [name for name, field in definition["properties"].items() if not field.get("description")] == []
