"""
Measures how long agents take from the kernel's stamp of a kill to their line about it, side by side on the same kills.

    python bench/side_by_side.py [--kills N] [--lived MS] [NAME=COMMAND …]

Each command is an agent that prints a line per kill, with the killed pid as a word of its own, on standard output.
exit137 (main sources) and a loop that only reads /dev/kmsg always run too. Prints how many kills each agent named, the
distribution of its latency, and the CPU time that it took for one life of a container. Needs root and Docker.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from bench.shared.kills import BareReader, cpu_s, distribution, lags_ms, live, wait_for
from tests.lab.agent import COMMAND
from tests.lab.engine import find_engine
from tests.lab.image import build_image
from tests.lab.lab import Lab
from tests.shared.settings import switched_off_but

_WORD: Final = re.compile(rb"\d+")
_QUIET_S: Final = 3.0
_LATE_S: Final = 10.0
_CONFIG: Final = """
[store]
path = "{home}/exit137.db"
[sources.docker]
url = "{url}"
[[sinks]]
name = "out"
type = "stdout"
events = ["exit137.oom_kill"]
"""


class Lines:
    """
    Reads the lines of an agent.

    Attributes:
        first_s: when each number was first in a line, CLOCK_MONOTONIC.
        last_s: when the last line came.
    """

    def __init__(self, name: str, process: subprocess.Popen[bytes]) -> None:
        self.name = name
        self.pid = process.pid
        self.first_s: dict[int, float] = {}
        self.last_s = time.monotonic()
        self._output = process.stdout
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(ValueError):  # closed at the end
            for line in self._output or ():
                self.last_s = time.monotonic()
                for word in _WORD.findall(line):
                    self.first_s.setdefault(int(word), self.last_s)

    def forget(self) -> None:
        """
        Forget what was said so far: pids are used again.
        """
        self.first_s.clear()


def main() -> None:
    """
    Print a line per agent.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--lived", type=int, default=2000, help="milliseconds")
    parser.add_argument("agents", nargs="*", metavar="NAME=COMMAND")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench/side_by_side.py: needs root")
    with ExitStack() as stack:
        engine = stack.enter_context(closing(find_engine()))
        lab = stack.enter_context(closing(Lab(engine.client)))
        build_image(engine.client)
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exit137-bench-")))
        (home / "config.toml").write_text(
            _CONFIG.format(home=home, url=engine.url) + switched_off_but("kmsg", "journald", "docker")
        )
        commands = [("exit137", [str(COMMAND), "run", "--config", str(home / "config.toml")])]
        commands += [(name, shlex.split(command)) for name, _, command in (a.partition("=") for a in arguments.agents)]
        agents = [stack.enter_context(_running(name, command)) for name, command in commands]
        _compare(lab, agents, arguments.kills, arguments.lived)


def _compare(lab: Lab, agents: Sequence[Lines], kills: int, lived_ms: int) -> None:
    for agent in agents:
        wait_for(lambda agent=agent: time.monotonic() - agent.last_s > _QUIET_S, 300)
        agent.forget()
    before_s = {agent.name: cpu_s(agent.pid) for agent in agents}
    with BareReader() as bare:
        live(lab, kills, lived_ms)
        wait_for(lambda: all(bare.killed_at_s.keys() <= agent.first_s.keys() for agent in agents), _LATE_S)
    killed = bare.killed_at_s
    print(f"{'a bare reader':16} {distribution(lags_ms(bare.arrived_s, killed))}")
    for agent in agents:
        named = {pid: at_s for pid, at_s in agent.first_s.items() if pid in killed and at_s >= killed[pid]}
        life_ms = 1000 * (cpu_s(agent.pid) - before_s[agent.name]) / kills
        print(f"{agent.name:16} {distribution(lags_ms(named, killed))} of {len(killed)}; {life_ms:.1f} ms CPU per life")


@contextmanager
def _running(name: str, command: Sequence[str]) -> Iterator[Lines]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield Lines(name, process)
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
