"""
The table of sinks, the files and the classes agree.
"""

from pathlib import Path

import pytest

import sinks
from sinks import SINKS, SinkConfig, load

NOT_SINKS = {"__init__", "base", "errors", "lanes", "secret", "signing", "tls"}


@pytest.mark.parametrize("kind", SINKS)
def test_every_kind_can_be_loaded(kind: str) -> None:
    """
    The names in the table are those in the modules.
    """
    config, sink = load(kind)
    assert issubclass(config, SinkConfig)
    assert sink.max_batch > 0


def test_every_module_is_in_the_table() -> None:
    """
    A sink that nobody can configure is dead code.
    """
    modules = {path.stem for path in Path(sinks.__file__).parent.glob("*.py")} - NOT_SINKS
    assert modules == set(SINKS)
