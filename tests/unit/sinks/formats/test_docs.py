"""
docs/sinks/formats.md shows what is sent.
"""

import re
import tomllib
from pathlib import Path
from typing import Final

import orjson

from collector.config.loader import parse
from sinks.base import Outgoing
from sinks.formats import Format
from sinks.kafka import KafkaConfig
from tests.shared.ocsf import ocsf_of

DOCS: Final = Path(__file__).parents[4] / "docs"
PAGE: Final = (DOCS / "sinks/formats.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_example_is_the_sample_event_in_ocsf() -> None:
    """
    The page shows the sample of docs/event.md as a consumer of OCSF gets it.
    """
    (body,) = blocks((DOCS / "event.md").read_text(encoding="utf-8"), "json")
    event = orjson.loads(body)
    (example,) = map(orjson.loads, blocks(PAGE, "json"))
    found = ocsf_of(Outgoing(id=event["id"], type=event["type"], key="k", body=body.encode()))
    found["metadata"]["product"]["version"] = example["metadata"]["product"]["version"]
    assert found == example


def test_the_configuration_is_valid() -> None:
    """
    The page has one example, a valid configuration file.
    """
    (example,) = blocks(PAGE, "toml")
    (sink,) = parse(tomllib.loads(example), "f").sinks
    assert isinstance(sink, KafkaConfig)
    assert sink.format is Format.OCSF


def test_every_format_has_a_row() -> None:
    """
    The table of formats is that of the closed set.
    """
    assert re.findall(r'^\| `"([a-z]+)"` \|', PAGE, re.MULTILINE) == [form.value for form in Format]
