"""
The table of sinks, the files and the classes agree.
"""

from pathlib import Path

import pytest

import sinks
from sinks import SINKS, SinkConfig, load

NOT_SINKS = {"__init__", "__pycache__", "base", "errors", "event", "http", "lanes", "secret", "signing", "tls"}


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
    folder = Path(sinks.__file__).parent
    modules = {path.stem for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert modules - NOT_SINKS == set(SINKS)
