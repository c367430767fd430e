"""
What the benchmarks of latency share: kills of containers, and when each was stamped, read and reported.

The kernel log has its own clock. How far that clock is behind is measured first, with a record that is written here.
"""

import json
import os
import re
import select
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from tests.lab.box import Box
from tests.lab.lab import Lab

KILLED: Final = re.compile(rb"Killed process (\d+)")
# Two containers are not started at once: dockerd would be measured.
_APART_S: Final = 0.1
_ENDED_S: Final = 60.0
_POLL_S: Final = 0.0005


class BareReader:
    """
    Reads /dev/kmsg and does nothing else.

    Attributes:
        killed_at_s: when each pid was killed, CLOCK_MONOTONIC.
        arrived_s: when the record of each kill was read.
    """

    def __init__(self) -> None:
        self.killed_at_s: dict[int, float] = {}
        self.arrived_s: dict[int, float] = {}
        self._device = os.open("/dev/kmsg", os.O_RDWR | os.O_NONBLOCK)
        os.lseek(self._device, 0, os.SEEK_END)
        self._behind_s = self._clock_behind_s()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._device)

    def _read(self) -> None:
        while not self._stop.is_set():
            if not select.select([self._device], [], [], 0.5)[0]:
                continue
            now_s = time.monotonic()
            with suppress(BlockingIOError):
                while record := os.read(self._device, 8192):
                    if killed := KILLED.search(record):
                        self.killed_at_s[int(killed[1])] = _time_stamp_s(record) + self._behind_s
                        self.arrived_s[int(killed[1])] = now_s

    def _clock_behind_s(self) -> float:
        """
        Return how far the clock of the kernel log is behind CLOCK_MONOTONIC.
        """
        os.write(self._device, b"<14>exit137: a benchmark reads the time of the kernel log\n")
        now_s = time.monotonic()
        return now_s - _time_stamp_s(os.read(self._device, 8192))


class FileArrivals:
    """
    Follows the file of a sink.

    Attributes:
        arrived_s: when the kill of each pid arrived, CLOCK_MONOTONIC.
    """

    def __init__(self, path: Path) -> None:
        self.arrived_s: dict[int, float] = {}
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        offset = self._path.stat().st_size if self._path.exists() else 0
        while not self._stop.wait(_POLL_S):
            if not self._path.exists() or self._path.stat().st_size <= offset:
                continue
            now_s = time.monotonic()
            with self._path.open("rb") as file:
                file.seek(offset)
                data = file.read()
            complete = data[: data.rfind(b"\n") + 1]
            offset += len(complete)
            for event in map(json.loads, complete.splitlines()):
                if event["type"] == "exit137.oom_kill":
                    self.arrived_s.setdefault(event["data"]["process"]["pid"], now_s)


def live(lab: Lab, count: int, lived_ms: int) -> list[Box]:
    """
    Start containers one after the other, each of which lives for some time and is killed by the kernel; return them
    when all have ended.
    """
    script = ["eat:64"] if not lived_ms else [f"sleep:{lived_ms}", "eat:64"]
    boxes: list[Box] = []
    for _ in range(count):
        # Not all of them first: the agent looks again and again at a container that was created and does not start.
        boxes.append(lab.create(*script, limit_mib=32))
        boxes[-1].container.start()
        time.sleep(_APART_S)
    for box in boxes:
        box.container.wait(timeout=_ENDED_S)
    return boxes


def wait_for(holds: Callable[[], bool], at_most_s: float) -> bool:
    """
    Wait until something holds; return False if it does not in that time.
    """
    ends_s = time.monotonic() + at_most_s
    while not holds():
        if time.monotonic() > ends_s:
            return False
        time.sleep(0.01)
    return True


def lags_ms(arrived_s: Mapping[int, float], killed_at_s: Mapping[int, float]) -> list[float]:
    """
    Return the milliseconds from each kill to its arrival, in order of size.
    """
    return sorted(1000 * (at_s - killed_at_s[pid]) for pid, at_s in arrived_s.items() if pid in killed_at_s)


def distribution(lags: Sequence[float]) -> str:
    """
    Return a distribution in words.
    """
    if not lags:
        return "nothing"
    at = [lags[min(int(len(lags) * share), len(lags) - 1)] for share in (0.95, 0.99)]
    return f"{statistics.median(lags):6.1f} ms median, {at[0]:.1f} 95 %, {at[1]:.1f} 99 % of {len(lags)}"


def cpu_s(pid: int) -> float:
    """
    Return the CPU time of a process.
    """
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _time_stamp_s(record: bytes) -> float:
    return int(record.split(b",", 3)[2]) / 1e6
