"""
Measures how many deaths per second the agent judges, with a stand-in for the Docker Engine.

    python bench/deaths.py [DEATHS_PER_S [SECONDS]]

EXIT137 names another agent than that of this checkout, such as that of an earlier version.

A real engine cannot start a thousand containers per second, so that a process of this program answers Docker's API:
events, inspections, logs and pings, with documents of the size that Docker sends. Each container is started, runs for
50 ms and dies with an exit code of its own. The agent is the real one: source, correlator, store and a file sink.

Prints how many deaths were published, how fast, the agent's CPU time and its resident memory. Deaths are counted in the
file of the sink, by container id, with their exit codes.
"""

import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.shared.agent import agent
from bench.shared.engine import engine
from tests.shared.settings import switched_off_but

DRAINED_S: Final = 120.0
QUIET_S: Final = 20.0
START_S: Final = 30.0
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
CONFIG: Final = """
events = ["exit137.container_death"]
[host]
hostname = "bench"
"""


class Arrivals:
    """
    Follows the file of the sink.

    Attributes:
        seen: the containers whose deaths arrived, and whether their exit codes are right.
        last_s: when the last one arrived.
        inspected: how many deaths Docker was asked about in time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.seen: dict[str, bool] = {}
        self.last_s = time.monotonic()
        self.inspected = 0

    def read(self) -> None:
        """
        Take what has arrived since the last call.
        """
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._offset += end
        for line in data[:end].splitlines():
            self._note(json.loads(line)["data"])

    def _note(self, data: Mapping[str, Any]) -> None:
        death, container_id = data["exit137"]["death"], data["container"]["id"]
        self.last_s = time.monotonic()
        self.seen[container_id] = death.get("exit_code") == 1 + int(container_id, 16) % 100
        self.inspected += "oom_killed_flag" in death


def main(deaths_per_s: int = 1000, seconds: int = 30) -> None:
    """
    Run the agent and the stand-in, and print what was measured.
    """
    with tempfile.TemporaryDirectory(prefix="exit137-bench-") as name:
        home = Path(name)
        arguments = (deaths_per_s, seconds, f"{home}/docker.sock", f"{home}/counts")
        stand_in = multiprocessing.Process(target=engine, args=arguments)
        stand_in.start()
        try:
            measure(home, deaths_per_s, seconds)
        finally:
            stand_in.terminate()
            stand_in.join()


def measure(home: Path, deaths_per_s: int, seconds: int) -> None:
    """
    Follow the deaths until all are published, or none has come for some seconds.
    """
    arrivals, total, peaks_bytes, in_time = Arrivals(home / "events.jsonl"), deaths_per_s * seconds, [0], 0
    with agent(home, CONFIG + switched_off_but("docker")) as process:
        began_s = time.monotonic()
        while not arrivals.seen and time.monotonic() - began_s < START_S:
            time.sleep(0.1)
            arrivals.read()
        first_s = time.monotonic()
        while len(arrivals.seen) < total and time.monotonic() - arrivals.last_s < QUIET_S:
            time.sleep(0.2)
            arrivals.read()
            peaks_bytes.append(max(peaks_bytes[-1], resident_bytes(process.pid)))
            in_time = len(arrivals.seen) if time.monotonic() - first_s < seconds else in_time
            if time.monotonic() - first_s > seconds + DRAINED_S:
                break
        cpu = cpu_s(process.pid)
    lasted_s = max(arrivals.last_s - first_s, 0.001)
    counts = home / "counts"
    requests = counts.read_text(encoding="utf-8") if counts.exists() else "none"
    seen, right = len(arrivals.seen), sum(arrivals.seen.values())
    print(f"{deaths_per_s} deaths/s for {seconds} s: {seen} of {total} published, {in_time} of them in that time")
    print(
        f"{seen / lasted_s:.0f}/s over {lasted_s:.1f} s; {right} with their exit codes, {arrivals.inspected} inspected"
    )
    print(f"{cpu:.1f} s of CPU, {1000 * cpu / max(seen, 1):.2f} ms a death")
    half, peak = peaks_bytes[len(peaks_bytes) // 2] / 1e6, peaks_bytes[-1] / 1e6
    print(f"resident at most {peak:.0f} MB, {half:.0f} MB at half time; requests to the engine: {requests}")


def resident_bytes(pid: int) -> int:
    """
    Return the resident memory of a process.
    """
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float:
    """
    Return the CPU time of a process.
    """
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
