"""
docs/sinks/slack.md: the messages that it shows are those that are sent, and its settings are those that exist.

After a change of messages that is meant: run with GOLDEN=write, and read the difference.
"""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector.config import parse
from sinks.base import Grouping, SinkConfig
from sinks.chat import Template
from sinks.chat.card import Card
from sinks.chat.story import card_of
from sinks.chat.text import fitted
from sinks.slack import SlackConfig
from tests.unit.sinks.chat.scenes import SCENES

PAGE = Path(__file__).parents[3] / "docs/sinks/slack.md"
TEXT = PAGE.read_text(encoding="utf-8")
SHOWN = ("leak", "digest", "overview")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def lines(card: Card) -> Iterator[str]:
    """
    A card as the page shows it.
    """
    yield f"{card.tone.mark} {card.title}"
    for section in card.sections:
        yield from [section.heading] if section.heading is not None else []
        told = (fitted(line, section.room, {}) for line in section.lines)
        yield from (f"    {line}" if section.verbatim else line for line in told)
    yield card.where


def test_the_messages_are_those_that_are_sent() -> None:
    """
    One event, one group, several groups.
    """
    expected = ["".join(f"{line}\n" for line in lines(card_of(SCENES[name]()))) for name in SHOWN]
    if os.environ.get("GOLDEN") == "write":
        new = iter(expected)
        page = re.sub(r"```text\n.*?```", lambda _: f"```text\n{next(new)}```", TEXT, flags=re.DOTALL)
        PAGE.write_text(page, encoding="utf-8")
    assert re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL) == expected


def rows() -> dict[str, str]:
    """
    The settings of the page, with their defaults.
    """
    cells = re.findall(r"^\| (`[a-z_]+(?: = .+?)?`(?: or `[a-z_]+`)?) \| ", TEXT, re.MULTILINE)
    return dict(re.findall(r"`([a-z_]+)(?: = (.+?))?`", " ".join(cells)))


def test_every_setting_has_a_row_with_its_default() -> None:
    """
    And no row is of a setting that does not exist.
    """
    common = {field.name for field in msgspec.structs.fields(SinkConfig)} | {"grouping"}
    own = {field.name for field in msgspec.structs.fields(SlackConfig)} - common
    grouping = {field.name for field in msgspec.structs.fields(Grouping)}
    told = {name: value for name, value in rows().items() if name not in set(Template)}
    assert set(told) == own | grouping
    defaults = {name: tomllib.loads(f"x = {value}")["x"] for name, value in told.items() if value}
    nested = {name: defaults.pop(name) for name in grouping}
    plain = SlackConfig(name="s", type="slack")
    assert set(defaults) == {name for name in own if getattr(plain, name) is not None}
    table = {"name": "s", "type": "slack", "grouping": nested, **defaults}
    assert msgspec.convert(table, SlackConfig) == plain


def test_every_template_has_a_row() -> None:
    """
    With what its webhook is.
    """
    assert set(Template) <= set(rows())


@pytest.mark.parametrize("example", blocks("toml"))
def test_the_examples_are_valid(example: str) -> None:
    """
    As configuration files.
    """
    (sink,) = parse(tomllib.loads(example), "f").sinks
    assert isinstance(sink, SlackConfig)


def test_there_are_two_examples() -> None:
    """
    The test above would pass without any.
    """
    assert len(blocks("toml")) == 2
