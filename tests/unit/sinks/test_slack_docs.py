"""
docs/sinks/slack.md shows the messages that are sent and the settings that exist.

After an intended change of messages, run with GOLDEN=write and read the difference.
"""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector.config.loader import parse
from sinks.base import Grouping, SinkConfig
from sinks.chat import Template
from sinks.chat.card import Card
from sinks.chat.escaping import escape_and_cut
from sinks.chat.story import card_of
from sinks.slack import SlackConfig
from tests.unit.sinks.chat.scenes import SCENES

PAGE = Path(__file__).parents[3] / "docs/sinks/slack.md"
TEXT = PAGE.read_text(encoding="utf-8")
SHOWN = ("leak", "digest", "overview")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def lines(card: Card) -> Iterator[str]:
    """
    Yield the lines of a card as the page shows it.
    """
    yield f"{card.tone.mark} {card.title}"
    for section in card.sections:
        yield from [section.heading] if section.heading is not None else []
        found = (escape_and_cut(line, section.room, {}) for line in section.lines)
        yield from (f"    {line}" if section.verbatim else line for line in found)
    yield card.where


def test_the_messages_are_those_that_are_sent() -> None:
    """
    The page shows the messages of one event, of one group, and of several groups.
    """
    expected = ["".join(f"{line}\n" for line in lines(card_of(SCENES[name]()))) for name in SHOWN]
    if os.environ.get("GOLDEN") == "write":
        new = iter(expected)
        page = re.sub(r"```text\n.*?```", lambda _: f"```text\n{next(new)}```", TEXT, flags=re.DOTALL)
        PAGE.write_text(page, encoding="utf-8")
    assert re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL) == expected


def rows() -> dict[str, str]:
    """
    Return the settings of the page with their defaults.
    """
    cells = re.findall(r"^\| (`[a-z_]+(?: = .+?)?`(?: or `[a-z_]+`)?) \| ", TEXT, re.MULTILINE)
    return dict(re.findall(r"`([a-z_]+)(?: = (.+?))?`", " ".join(cells)))


def test_every_setting_has_a_row_with_its_default() -> None:
    """
    Every setting has a row with its default, and every row has a setting.
    """
    common = {field.name for field in msgspec.structs.fields(SinkConfig)} | {"grouping"}
    own = {field.name for field in msgspec.structs.fields(SlackConfig)} - common
    grouping = {field.name for field in msgspec.structs.fields(Grouping)}
    found = {name: value for name, value in rows().items() if name not in set(Template)}
    assert set(found) == own | grouping
    defaults = {name: tomllib.loads(f"x = {value}")["x"] for name, value in found.items() if value}
    nested = {name: defaults.pop(name) for name in grouping}
    plain = SlackConfig(name="s", type="slack")
    assert set(defaults) == {name for name in own if getattr(plain, name) is not None}
    table = {"name": "s", "type": "slack", "grouping": nested, **defaults}
    assert msgspec.convert(table, SlackConfig) == plain


def test_every_template_has_a_row() -> None:
    """
    Every template has a row that describes its webhook.
    """
    assert set(Template) <= set(rows())


@pytest.mark.parametrize("example", blocks("toml"))
def test_the_examples_are_valid(example: str) -> None:
    """
    The examples are valid configuration files.
    """
    (sink,) = parse(tomllib.loads(example), "f").sinks
    assert isinstance(sink, SlackConfig)


def test_there_are_two_examples() -> None:
    """
    The page has two examples; without any, the test above would pass.
    """
    assert len(blocks("toml")) == 2
