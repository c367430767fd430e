"""
Runs the agent for benchmarks that stand in for the Docker Engine; it measures nothing.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.lab.agent import COMMAND

_CONFIG: Final = """
[store]
path = "{home}/exit137.db"
[sources.docker]
url = "unix://{home}/docker.sock"
[[sinks]]
name = "file"
type = "file"
path = "{home}/events.jsonl"
max_bytes = 4294967296
"""
_STOP_S: Final = 20
_COMPILED: Final = Path(__file__).parents[2] / ".cache/bench-pycache"


def as_installed() -> dict[str, str]:
    """
    Return the environment in which the package and its unit run the agent: modules are compiled, and one arena.

    A checkout may compile its modules at each start, which takes memory that the agent keeps.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(_COMPILED), "MALLOC_ARENA_MAX": "1"}


@contextmanager
def agent(home: Path, more: str) -> Iterator[subprocess.Popen[bytes]]:
    """
    Run the agent until the context ends; EXIT137 in the environment names another command than that of this checkout.

    Args:
        home: for its store, the file of its events, its log; the stand-in listens in there at `docker.sock`.
        more: the rest of its configuration; it begins with further settings of the sink, if any.
    """
    config = home / "config.toml"
    config.write_text(_CONFIG.format(home=home) + more, encoding="utf-8")
    command = [os.environ.get("EXIT137", COMMAND), "run", "--config", str(config)]
    with (
        (home / "agent.log").open("wb") as log,
        subprocess.Popen(command, stderr=log, stdout=log, env=as_installed()) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_S)
            process.kill()
