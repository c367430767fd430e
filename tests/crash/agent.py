"""
A real agent in its own process, for tests that kill it or damage its store.
"""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tests.crash import launcher
from tests.lab.waiting import wait_until
from tests.shared.settings import switched_off_but

_TIMEOUT_S: Final = 30.0


def configuration(home: Path, *sinks: str, store: Path | None = None, more: str = "", without: str = "") -> Path:
    """
    Write a configuration without sources.

    Args:
        home: the directory of the file and of the store.
        sinks: the settings of each sink, in TOML.
        store: another path for the store.
        more: more sections.
        without: a source that is not switched off, because `more` configures it.
    """
    tables = "".join(f"[[sinks]]\n{sink}\n" for sink in sinks)
    path = home / "config.toml"
    path.write_text(
        f'[store]\npath = "{store or home / "s.db"}"\n{more}{switched_off_but(without)}{tables}', encoding="utf-8"
    )
    return path


@contextlib.contextmanager
def running(config: Path, step: str = "none", count: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    """
    Run an agent that is killed at a step of the launcher, or at the end. Its log is `agent.log` next to the
    configuration.
    """
    command = [sys.executable, launcher.__file__, step, str(count), "run", "--config", str(config)]
    with config.with_name("agent.log").open("ab") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], bool]) -> None:
    """
    Wait until a condition is true.
    """
    wait_until(condition, _TIMEOUT_S, "the agent has done it")
