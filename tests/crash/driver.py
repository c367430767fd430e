"""
Kills a real agent again and again while OOM kills go on in its journal, and compares what arrived with what happened.

The journal is written by systemd-journal-remote, entry by entry; the agent reads it, and sends to a file, to an HTTP
server of the driver, and to a Kafka broker if there is one. Each victim has the next pid, so that order and loss can
be seen.
"""

import bisect
import contextlib
import hashlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from tests.crash import launcher
from tests.crash.outcome import Outcome, delivered
from tests.crash.receiver import Arrival, Receiver
from tests.kafka.reader import read

JOURNAL_REMOTE: Final = Path("/lib/systemd/systemd-journal-remote")
_LAUNCHER: Final = Path(launcher.__file__)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", "")
_CONTAINERS: Final = tuple(f"{number:x}" * 64 for number in range(1, 6))
_FIRST_PID: Final = 100_000
_EVENTS_PER_S: Final = 40.0
_LONGEST_LIFE_S: Final = 6.0
_RANDOM_LIFE_S: Final = (0.5, 2.0)
_DRAINED_S: Final = 30.0
TOPIC: Final = "kills"
_BUS: Final = """[[sinks]]
name = "bus"
type = "kafka"
bootstrap_servers = ["{server}"]
topic = "{topic}"
events = ["exit137.oom_kill"]
"""
# The smallest there is, so that old events are deleted, and every so many requests the server is busy.
_STORE_BYTES: Final = 8_388_608
_REFUSE_EVERY: Final = 50
# All in one file.
_FILE_BYTES: Final = 2**40
_WHEN_IT_ENDS: Final = "the store is closed"
_OFF: Final = ("kmsg", "docker", "processes", "trace", "cgroups", "memory")


class Journal:
    """
    A journal in which processes are killed for want of memory, at a steady pace from `with` on.

    Args:
        directory: for its files.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        command = [JOURNAL_REMOTE, "-o", directory / "crash.journal", "-"]
        self._writer = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, name="journal")
        self.kills = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        if self._writer.stdin is not None:
            self._writer.stdin.close()
        self._writer.wait()

    def end(self) -> None:
        """
        No more kills; gives nothing back before the last one is written.
        """
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._stop.wait(1 / _EVENTS_PER_S):
            container_id = _CONTAINERS[self.kills % len(_CONTAINERS)]
            for line in _kill(_FIRST_PID + self.kills, container_id):
                self._entry(line)
            self.kills += 1

    def _entry(self, message: str) -> None:
        now_us, monotonic_us = time.time_ns() // 1000, time.monotonic_ns() // 1000
        fields = {
            "__REALTIME_TIMESTAMP": now_us,
            "__MONOTONIC_TIMESTAMP": monotonic_us,
            "_BOOT_ID": _BOOT_ID,
            "_TRANSPORT": "kernel",
            "SYSLOG_FACILITY": 0,
            "_SOURCE_MONOTONIC_TIMESTAMP": monotonic_us,
            "MESSAGE": message,
        }
        text = "".join(f"{name}={value}\n" for name, value in fields.items())
        assert self._writer.stdin is not None
        self._writer.stdin.write(f"{text}\n".encode())
        self._writer.stdin.flush()


def drive(home: Path, kills: int, seed: int, bus: str | None = None) -> Outcome:
    """
    Kill an agent so many times.

    Args:
        home: an empty directory.
        kills: how often; at each named step as often as at a random time.
        seed: of the random choices.
        bus: `host:port` of a Kafka broker that has the topic `TOPIC`; None: there is none.
    """
    rng = random.Random(seed)  # noqa: S311 (not a secret)
    steps = [name for name, (module, *_) in launcher.STEPS.items() if bus or module != "sinks.kafka.sink"]
    steps.append("none")
    killed_at_s: list[float] = []
    at_a_step = 0
    with Receiver(_REFUSE_EVERY) as receiver, Journal(home / "journal") as journal:
        config = _configuration(home, receiver.url, bus)
        for number in range(kills):
            receiver.run = number
            at_a_step += _one_life(config, steps[number % len(steps)], rng)
            receiver.settle()
            killed_at_s.append(time.time())
        journal.end()
        receiver.run = kills
        with _agent(config, "none", 0):
            _wait_for(receiver, journal.kills)
            on_bus = _on_bus(bus, killed_at_s, journal.kills) if bus else None
        pids = range(_FIRST_PID, _FIRST_PID + journal.kills)
        in_file = {_pid(line) for line in (home / "events.jsonl").read_bytes().splitlines()}
        return Outcome(
            kills=kills,
            at_a_step=at_a_step,
            happened=journal.kills,
            missing_in_file=len(set(pids) - in_file),
            hook=delivered(receiver.arrivals, pids),
            bus=None if on_bus is None else delivered(on_bus, pids),
        )


def _one_life(config: Path, step: str, rng: random.Random) -> bool:
    """
    Start an agent and have it die at a step, or at a random time if it does not come there; gives whether it did.
    """
    ends = step.endswith(_WHEN_IT_ENDS)
    life_s = rng.uniform(*_RANDOM_LIFE_S) if step == "none" or ends else _LONGEST_LIFE_S
    with _agent(config, step, 1 if ends else rng.randint(1, 4)) as process:
        if _died(process, life_s):
            return True
        if ends:
            process.terminate()
        return ends and _died(process, _LONGEST_LIFE_S)


def _died(process: subprocess.Popen[bytes], within_s: float) -> bool:
    try:
        return process.wait(within_s) == -signal.SIGKILL
    except subprocess.TimeoutExpired:
        return False


@contextlib.contextmanager
def _agent(config: Path, step: str, count: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, str(_LAUNCHER), step, str(count), "run", "--config", str(config)]
    with config.with_name("agent.log").open("ab") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for(receiver: Receiver, kills: int) -> None:
    arrived, deadline = 0, time.monotonic() + _DRAINED_S
    while arrived < kills and time.monotonic() < deadline:
        time.sleep(0.2)
        if (now := len({arrival.pid for arrival in receiver.arrivals})) > arrived:
            arrived, deadline = now, time.monotonic() + _DRAINED_S
    time.sleep(1)


def _on_bus(server: str, killed_at_s: Sequence[float], kills: int) -> list[Arrival]:
    """
    What is in the topic, when all of it is there or too much time has gone by; partition by partition.
    """
    deadline = time.monotonic() + _DRAINED_S
    while True:
        arrivals = [
            Arrival.of(
                record.id,
                json.loads(record.value),
                # A record carries the time at which the agent made it: that tells the life.
                run=bisect.bisect(killed_at_s, record.time_s),
                digest=hashlib.sha256(record.value).hexdigest(),
            )
            for record in read(server, TOPIC, kills)
        ]
        if len({arrival.pid for arrival in arrivals}) >= kills or time.monotonic() > deadline:
            return arrivals


def _pid(line: bytes) -> int | None:
    """
    Of a line of the file; the last one before a kill may be cut off.
    """
    try:
        (victim,) = json.loads(line)["data"]["exit137"]["oom"]["victims"]
    except ValueError:
        return None
    pid: int = victim["pid"]
    return pid


def _kill(pid: int, container_id: str) -> tuple[str, str]:
    path = f"/system.slice/docker-{container_id}.scope"
    summary = (
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg={path},"
        f"task_memcg={path},task=worker,pid={pid},uid=0"
    )
    killed = (
        f"Memory cgroup out of memory: Killed process {pid} (worker) total-vm:33896kB, anon-rss:32416kB, "
        "file-rss:636kB, shmem-rss:0kB, UID:0 pgtables:108kB oom_score_adj:0"
    )
    return summary, killed


def _configuration(home: Path, url: str, bus: str | None) -> Path:
    off = "".join(f"[sources.{name}]\nenabled = false\n" for name in _OFF)
    path = home / "config.toml"
    path.write_text(
        f'[store]\npath = "{home}/exit137.db"\nmax_bytes = {_STORE_BYTES}\n'
        f'{off}[sources.journald]\npath = "{home}/journal"\n'
        f'[[sinks]]\nname = "file"\ntype = "file"\npath = "{home}/events.jsonl"\nevents = ["exit137.oom_kill"]\n'
        f"max_bytes = {_FILE_BYTES}\n"
        f'[[sinks]]\nname = "hook"\ntype = "webhook"\nurl = "{url}"\nevents = ["exit137.oom_kill"]\n'
        + (_BUS.format(server=bus, topic=TOPIC) if bus else "")
    )
    return path
