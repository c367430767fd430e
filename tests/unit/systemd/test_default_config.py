"""
The configuration that is installed: it works as it is, and its examples work once their marks are taken away.
"""

import re
from pathlib import Path
from typing import Final

from collector.config.loader import load

FILE: Final = Path(__file__).parents[3] / "systemd/exit137.toml"


def test_it_works_as_it_is() -> None:
    """
    Events go to a file below the unit's own directory of logs.
    """
    config = load(FILE)
    assert config.http.listen == "127.0.0.1:9137"
    assert [sink.name for sink in config.sinks] == ["local"]


def test_its_examples_work(tmp_path: Path) -> None:
    """
    Whoever takes the # away gets a sink, not an error.
    """
    example = tmp_path / "config.toml"
    example.write_text(re.sub(r"^#(?! )", "", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert [sink.name for sink in load(example).sinks] == ["local", "oncall", "people", "bus"]
