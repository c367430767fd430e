"""
The pages of the sinks for SIEMs, and of Apprise: every setting has a row, and the examples work.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.config.loader import parse
from scripts.opensearch_docs import FOLDER, files
from sinks import SINKS, SinkConfig, load

DOCS = Path(__file__).parents[3] / "docs/sinks"
NEEDED: dict[str, dict[str, Any]] = {
    "apprise": {"url_file": "u"},
    "opensearch": {},
    "otlp": {},
    "splunk_hec": {"token_file": "t"},
    "syslog": {"address": "unix:/dev/log"},
}


def page(kind: str) -> str:
    return (DOCS / f"{kind}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", NEEDED)
def test_every_setting_has_a_row_with_its_default(kind: str) -> None:
    """
    Every setting has a row with its default, and every row has a setting.
    """
    config, _ = load(kind)
    table = page(kind).partition("## Settings")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[a-z_]+(?: = .+?)?`(?: or `[a-z_]+`)?) \|", table, re.MULTILINE)
    found = dict(re.findall(r"`([a-z_]+)(?: = (.+?))?`", " ".join(rows)))
    common = {field.name for field in msgspec.structs.fields(SinkConfig)} | {"grouping"}
    assert set(found) == {field.name for field in msgspec.structs.fields(config)} - common
    defaults = {name: tomllib.loads(f"x = {value}")["x"] for name, value in found.items() if value}
    plain = {"name": "s", "type": kind, **NEEDED[kind]}
    assert msgspec.convert(plain | defaults, config) == msgspec.convert(plain, config)
    set_by_default = {name for name in found if getattr(msgspec.convert(plain, config), name) is not None}
    assert set(defaults) == set_by_default - NEEDED[kind].keys()


@pytest.mark.parametrize("kind", NEEDED)
def test_the_example_is_valid(kind: str) -> None:
    """
    The page has one example, a valid configuration file.
    """
    (example,) = re.findall(r"```toml\n(.*?)```", page(kind), re.DOTALL)
    (sink,) = parse(tomllib.loads(example), "f").sinks
    assert sink.type == kind


def test_the_overview_has_every_sink() -> None:
    """
    docs/sinks/README.md says of every sink what it guarantees and how that was proved.
    """
    text = page("README")
    assert [kind for kind in SINKS if f"`{kind}`" not in text] == []


@pytest.mark.parametrize("path", files(), ids=str)
def test_the_files_for_the_engines_are_those_of_the_schema(path: Path) -> None:
    """
    `make event-docs` was run after the last change of the schema or of the searches.
    """
    assert (FOLDER / path).read_text(encoding="utf-8") == files()[path]
