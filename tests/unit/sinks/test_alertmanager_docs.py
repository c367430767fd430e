"""
docs/sinks/alertmanager.md names the settings, the alerts and the labels that exist.
"""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from collector.config.loader import parse
from sinks.alertmanager import AlertmanagerConfig, alerts
from sinks.base import SinkConfig

TEXT = (Path(__file__).parents[3] / "docs/sinks/alertmanager.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def rows() -> dict[str, str]:
    """
    Return the settings of the page with their defaults.
    """
    settings = TEXT[TEXT.index("## Settings") :]
    cells = re.findall(r"^\| (`[a-z_]+(?: = .+?)?`(?: or `[a-z_]+`)?) \| ", settings, re.MULTILINE)
    return dict(re.findall(r"`([a-z_]+)(?: = (.+?))?`", " ".join(cells)))


def test_every_setting_has_a_row_with_its_default() -> None:
    """
    Every setting has a row with its default, and every row has a setting.
    """
    common = {field.name for field in msgspec.structs.fields(SinkConfig)}
    own = {field.name for field in msgspec.structs.fields(AlertmanagerConfig)} - common
    found = rows()
    assert set(found) == own
    defaults = {name: tomllib.loads(f"x = {value}")["x"] for name, value in found.items() if value}
    plain = AlertmanagerConfig(name="s", type="alertmanager")
    assert set(defaults) == {name for name in own if getattr(plain, name) is not None}
    assert msgspec.convert({"name": "s", "type": "alertmanager", **defaults}, AlertmanagerConfig) == plain


def test_every_alert_has_a_row() -> None:
    """
    People write routes and silences by these names.
    """
    names = {name for pair in (*alerts._NAMES.values(), alerts._OTHER) for name in pair}
    for name in (*names, alerts._SOURCE_DOWN, alerts.TEST):
        assert f"`{name}`" in TEXT


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_are_valid(example: str) -> None:
    """
    The examples are valid configuration files.
    """
    (sink,) = parse(tomllib.loads(example), "f").sinks
    assert isinstance(sink, AlertmanagerConfig)


def test_there_are_two_examples() -> None:
    """
    The page has two examples; without any, the test above would pass.
    """
    assert len(EXAMPLES) == 2
