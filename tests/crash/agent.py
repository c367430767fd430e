"""
A real agent as a process of its own, for tests that kill it or spoil what it stands on.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tests.crash import launcher

SOURCES: Final = ("kmsg", "journald", "docker", "processes", "trace", "cgroups", "memory")
_PATIENCE_S: Final = 30.0


def configuration(home: Path, *sinks: str, store: Path | None = None, more: str = "", without: str = "") -> Path:
    """
    A configuration file that reads nothing.

    Args:
        home: where it is written, and where the store is.
        sinks: the settings of each, in TOML.
        store: another place for the store.
        more: other sections.
        without: the source that `more` configures.
    """
    off = "".join(f"[sources.{name}]\nenabled = false\n" for name in SOURCES if name != without)
    tables = "".join(f"[[sinks]]\n{sink}\n" for sink in sinks)
    path = home / "config.toml"
    path.write_text(f'[store]\npath = "{store or home / "s.db"}"\n{more}{off}{tables}', encoding="utf-8")
    return path


@contextlib.contextmanager
def running(config: Path, step: str = "none", count: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    """
    An agent, killed at a step of the launcher or at the end; its log is in `agent.log` beside the configuration.
    """
    command = [sys.executable, launcher.__file__, step, str(count), "run", "--config", str(config)]
    with config.with_name("agent.log").open("ab") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], bool]) -> None:
    """
    Look until it holds.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
