"""
The table of sinks agrees with the files and the classes.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sinks
from sinks import SINKS, SinkConfig, load

NOT_SINKS = {"__init__", "__pycache__", "base", "lanes", "errors", "outcome", "secret", "signing", "text", "tls"}
SHARED = {"batches", "chat", "event", "formats", "http", "masking"}


@pytest.mark.parametrize("kind", SINKS)
def test_every_kind_can_be_loaded(kind: str) -> None:
    """
    The module, configuration and sink that the table names exist.
    """
    config, sink = load(kind)
    assert issubclass(config, SinkConfig)
    assert sink.max_batch > 0


def test_every_sink_comes_with_the_package() -> None:
    """
    `pip install exit137` alone can send to every sink: no sink needs an extra.
    """
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["optional-dependencies"]) == {"journal", "mcp"}


def test_every_module_is_in_the_table() -> None:
    """
    Every module of sinks/ is in the table or known to be shared: a sink that nobody can configure is dead code.
    """
    folder = Path(sinks.__file__).parent
    modules = {path.stem for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert modules - NOT_SINKS - SHARED == set(SINKS)


def test_a_client_library_is_not_loaded_before_its_sink_is_configured() -> None:
    """
    A client library costs up to 20 MB of memory on each host, so only configured sinks import theirs.
    """
    program = "import sys, collector.app, collector.cli.run; print('aiokafka' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout == b"False\n"
