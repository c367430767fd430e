"""
The table of sinks, the files and the classes agree.
"""

import subprocess
import sys
from pathlib import Path

import pytest

import sinks
from sinks import SINKS, SinkConfig, load

NOT_SINKS = {"__init__", "__pycache__", "base", "lanes", "errors", "secret", "signing", "tls"}
SHARED = {"chat", "event", "http"}


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
    assert modules - NOT_SINKS - SHARED == set(SINKS)


def test_a_client_library_is_not_loaded_before_its_sink_is_configured() -> None:
    """
    It costs memory on each host.
    """
    program = "import sys, collector.app, collector.cli.run; print('aiokafka' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout == b"False\n"
