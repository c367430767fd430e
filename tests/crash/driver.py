"""
Kills a real agent again and again while OOM kills appear in its journal, and compares what arrived with what happened.

systemd-journal-remote writes the journal, entry by entry. The agent reads it and sends to a file, to an HTTP server of
the driver, and to a Kafka broker if there is one. Each victim has the next pid, which shows the order and what is
missing.
"""

import bisect
import contextlib
import hashlib
import itertools
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from tests.crash import launcher
from tests.crash.outcome import Outcome, delivered
from tests.crash.receiver import Arrival, Receiver
from tests.kafka.reader import read
from tests.lab.waiting import wait_until
from tests.shared.settings import switched_off_but

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
# The smallest store that is allowed, so that old events are deleted during the test.
_STORE_BYTES: Final = 8_388_608
# Every 50th request is answered with 503, so that retries happen.
_REFUSE_EVERY: Final = 50
# Large enough that the file is never rotated.
_FILE_BYTES: Final = 2**40
_AT_THE_END: Final = "the store is closed"


class Journal:
    """
    A journal in which processes are OOM-killed at a steady pace, as a context manager.

    Args:
        directory: the directory of its files.
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
        Stop the kills, and return after the last one is written.
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


def drive(  # noqa: PLR0917 (as a command has options)
    home: Path,
    kills: int,
    seed: int,
    bus: str | None = None,
    sinks: str = "",
    have: Callable[[int], bool] = lambda _: True,
) -> Outcome:
    """
    Kill an agent this many times.

    Args:
        home: an empty directory.
        kills: the number of kills: at each named step as often as at a random time.
        seed: the seed of the random choices.
        bus: `host:port` of a Kafka broker that has the topic `TOPIC`; None: no broker.
        sinks: more sinks, as TOML.
        have: whether these have as many OOM kills.
    """
    with Receiver(_REFUSE_EVERY) as receiver, Journal(home / "journal") as journal:
        config = _configuration(home, receiver.url, (_BUS.format(server=bus, topic=TOPIC) if bus else "") + sinks)
        steps = itertools.islice(itertools.cycle(_steps(with_bus=bus is not None)), kills)
        killed_at_s, at_a_step = _kill_at(steps, config, receiver, random.Random(seed))  # noqa: S311 (not a secret)
        journal.end()
        receiver.run = kills
        with _agent(config, "none", 0):
            _wait_for(receiver, journal.kills)
            with contextlib.suppress(TimeoutError):
                wait_until(lambda: have(journal.kills), _DRAINED_S, "the other sinks have every OOM kill")
            on_bus = _on_bus(bus, killed_at_s, journal.kills) if bus else None
        pids = range(_FIRST_PID, _FIRST_PID + journal.kills)
        return Outcome(
            kills=kills,
            at_a_step=at_a_step,
            happened=journal.kills,
            missing_in_file=len(set(pids) - _in_file(home)),
            hook=delivered(receiver.arrivals, pids),
            bus=None if on_bus is None else delivered(on_bus, pids),
        )


def _kill_at(steps: Iterable[str], config: Path, receiver: Receiver, rng: random.Random) -> tuple[list[float], int]:
    """
    Kill an agent at each of these steps. Return when, and how many reached their step.
    """
    killed_at_s: list[float] = []
    at_a_step = 0
    for number, step in enumerate(steps):
        receiver.run = number
        at_a_step += _one_life(config, step, rng)
        receiver.wait_until_closed()
        killed_at_s.append(time.time())
    return killed_at_s, at_a_step


def _in_file(home: Path) -> set[int]:
    return {_pid(line) for line in (home / "events.jsonl").read_bytes().splitlines()}


def _steps(*, with_bus: bool) -> list[str]:
    """
    Return the steps at which an agent can die, and "none" for a random time.
    """
    return [
        *(name for name, (module, *_) in launcher.STEPS.items() if with_bus or module != "sinks.kafka.sink"),
        "none",
    ]


def _one_life(config: Path, step: str, rng: random.Random) -> bool:
    """
    Start an agent and let it die at a step, or at a random time if it does not reach the step. Return whether it did.
    """
    ends = step.endswith(_AT_THE_END)
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
    Return what is in the topic, partition by partition, when everything is there or the time is over.
    """
    deadline = time.monotonic() + _DRAINED_S
    while True:
        arrivals = [
            Arrival.of(
                record.id,
                json.loads(record.value),
                # The time of a record shows which life of the agent made it.
                run=bisect.bisect(killed_at_s, record.time_s),
                digest=hashlib.sha256(record.value).hexdigest(),
            )
            for record in read(server, TOPIC, kills)
        ]
        if len({arrival.pid for arrival in arrivals}) >= kills or time.monotonic() > deadline:
            return arrivals


def _pid(line: bytes) -> int | None:
    """
    Return the pid of a line of the file. The last line before a kill may be incomplete.
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


def _configuration(home: Path, url: str, sinks: str) -> Path:
    path = home / "config.toml"
    path.write_text(
        f'[store]\npath = "{home}/exit137.db"\nmax_bytes = {_STORE_BYTES}\n'
        f'{switched_off_but("journald")}[sources.journald]\npath = "{home}/journal"\n'
        f'[[sinks]]\nname = "file"\ntype = "file"\npath = "{home}/events.jsonl"\nevents = ["exit137.oom_kill"]\n'
        f"max_bytes = {_FILE_BYTES}\n"
        f'[[sinks]]\nname = "hook"\ntype = "webhook"\nurl = "{url}"\nevents = ["exit137.oom_kill"]\n'
        f"{sinks}"
    )
    return path
