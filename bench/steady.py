"""
Measures what the agent costs while containers come and go for a long time, and how late it is.

    python bench/steady.py [MINUTES]

Docker Engine and kernel log are stand-ins, so that the agent is measured and not dockerd: a socket, and a pipe that
keeps records apart like /dev/kmsg. First 4.4 containers a second are started, and a recorded report says 2 s later that
they were OOM-killed (15 minutes). Then 20 a second are started and end after 15 s, so that 300 run (10 minutes).
MINUTES shortens both. Lag is the time from the end to the death's line in the file; EXIT137 names another command.
"""

import asyncio
import fcntl
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.shared.agent import agent
from bench.shared.engine import Container, Engine
from bench.shared.kills import cpu_s
from parsers.kmsg import split_dump
from tests.shared.settings import switched_off_but

RECORDED: Final = Path(__file__).parents[1] / "tests/recordings/debian12-docker20-cgroup2/kmsg.raw"
PIPE_BYTES: Final = 1 << 20
TICK_S: Final = 0.01
READY_S: Final = 30.0
DRAINED_S: Final = 20.0
SIGKILL_CODE: Final = 137
DEATH: Final = b'"type":"exit137.container_death"'
SUBJECT: Final = re.compile(rb'"subject":"container/([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """
    What happens on the host.

    Attributes:
        are_killed: whether the kernel kills each container.
        share: goal for the agent's CPU, of a core.
        memory_mb: goals for its resident and its anonymous memory; None: there are none.
        lag_ms: goal for the longest lag; None: there is none.
    """

    name: str
    per_s: float
    life_s: float
    minutes: float
    are_killed: bool
    share: float
    memory_mb: tuple[float, float] | None
    lag_ms: float | None


LOADS: Final = (
    Load(
        name="OOM kills", per_s=4.4, life_s=2, minutes=15, are_killed=True, share=0.08, memory_mb=(60, 34), lag_ms=None
    ),
    Load(name="deaths", per_s=20, life_s=15, minutes=10, are_killed=False, share=0.4, memory_mb=None, lag_ms=1000),
)


class KernelLog:
    """
    A kernel log in which containers are OOM-killed as in a recording, as a context manager.

    Attributes:
        path: what the agent reads.
    """

    def __init__(self) -> None:
        reading, self._writing = os.pipe2(os.O_DIRECT | os.O_NONBLOCK)
        fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.path = f"/proc/{os.getpid()}/fd/{reading}"
        self._report = _report(list(split_dump(RECORDED.read_bytes())))
        self._pid, self._id = _victim(self._report)
        self._seq = 0

    def kill(self, container: Container) -> None:
        """
        Write the report about the main process of a container.
        """
        pid, id_ = str(container.document()["State"]["Pid"]).encode(), container.id.encode()
        now_us = time.monotonic_ns() // 1000
        for record in self._report:
            priority, _, _, rest = record.split(b",", 3)
            text = rest.replace(self._id, id_).replace(self._pid, pid)
            self._seq, now_us = self._seq + 1, now_us + 1
            os.write(self._writing, b"%b,%d,%d,%b" % (priority, self._seq, now_us, text))


class Killed(Container):
    """
    A container that ends by SIGKILL.
    """

    @property
    def exit_code(self) -> int:
        """
        The code with which it ends.
        """
        return SIGKILL_CODE


class Host(Engine):
    """
    An engine whose containers live as long as the load says.
    """

    def __init__(self, load: Load, log: KernelLog) -> None:
        super().__init__(int(load.per_s), load.minutes * 60, make=Killed if load.are_killed else Container)
        self.load, self.log = load, log
        self.ended_s: dict[bytes, float] = {}

    async def happen(self) -> None:
        """
        Start and end containers at the pace.
        """
        began_s, made, total = time.monotonic(), 0, round(self.load.per_s * self.seconds)
        while made < total or self.living:
            due = min(int((time.monotonic() - began_s) * self.load.per_s) + 1, total)
            lines = [self.start(number) for number in range(made, due)]
            made = max(made, due)
            lines += self.end(time.time_ns())
            if lines:
                await self.send(b"".join(lines))
            await asyncio.sleep(TICK_S)

    def end(self, now_ns: int) -> Iterator[bytes]:
        """
        End the containers that are old enough; yield their events.
        """
        while self.living and now_ns - self.living[0].started_ns >= self.load.life_s * 1e9:
            container = self.living.pop(0)
            if self.load.are_killed:
                self.log.kill(container)
            container.finished_ns = time.time_ns()
            self.ended_s[container.id.encode()] = time.monotonic()
            yield container.event("die", container.finished_ns)


def main() -> None:
    """
    Print the figures of each load.
    """
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else None
    for load in LOADS:
        asyncio.run(_measure(load if minutes is None else _shortened(load, minutes)))


def _shortened(load: Load, minutes: float) -> Load:
    return Load(**{name: getattr(load, name) for name in Load.__slots__} | {"minutes": minutes})


async def _measure(load: Load) -> None:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exit137-bench-")))
        host = Host(load, log := KernelLog())
        async with await asyncio.start_unix_server(host.answer, f"{home}/docker.sock"), asyncio.TaskGroup() as tasks:
            others = switched_off_but("kmsg", "docker")
            with agent(home, f'[sources.kmsg]\npath = "{log.path}"\n{others}') as process:
                await asyncio.wait_for(host.listened.wait(), READY_S)
                await asyncio.sleep(1)
                sizes: list[tuple[float, float]] = []
                arrived_s: dict[bytes, float] = {}
                watching = [
                    tasks.create_task(_follow(home / "events.jsonl", arrived_s), name="follow"),
                    tasks.create_task(_note_sizes(process.pid, load.minutes * 60 / 3, sizes), name="sizes"),
                ]
                share = await _share(host, process.pid)
                await _drain(host, arrived_s)
                for task in watching:
                    task.cancel()
                _print(load, host, arrived_s, share, [*sizes, _memory(process.pid)])
            await asyncio.sleep(1)  # the connections of the agent end


async def _share(host: Host, pid: int) -> float:
    """
    Return the share of a core that the agent takes while everything happens.
    """
    began_s, before_s = time.monotonic(), cpu_s(pid)
    await host.happen()
    return (cpu_s(pid) - before_s) / (time.monotonic() - began_s)


async def _drain(host: Host, arrived_s: dict[bytes, float]) -> None:
    """
    Wait until every death has arrived, or none can be expected any more.
    """
    for _ in range(int(DRAINED_S / TICK_S)):
        if len(arrived_s) >= len(host.ended_s):
            return
        await asyncio.sleep(TICK_S)


def _print(
    load: Load, host: Host, arrived_s: dict[bytes, float], share: float, sizes: list[tuple[float, float]]
) -> None:
    lags_ms = sorted(1000 * (at_s - host.ended_s[id_]) for id_, at_s in arrived_s.items() if id_ in host.ended_s)
    if not lags_ms:
        sys.exit(f"bench/steady.py: no death was published ({load.name})")
    p99_ms = lags_ms[len(lags_ms) * 99 // 100]
    print(f"{load.per_s} {load.name} a second for {load.minutes} min:")
    print(f"  published  {len(lags_ms)} of {len(host.ended_s)}")
    longest = f"{lags_ms[-1]:.0f} at most{_ratio(lags_ms[-1], load.lag_ms)}"
    print(f"  lag        {statistics.median(lags_ms):.0f} ms median, {p99_ms:.0f} 99 %, {longest}")
    print(f"  CPU        {100 * share:.1f} % of a core{_ratio(share, load.share)}")
    resident_mb, anonymous_mb = load.memory_mb or (None, None)
    for number, (resident, anonymous) in enumerate(sizes, 1):
        what = f"{number}/3 of the time" if number < len(sizes) else "at the end"
        own = f"{anonymous:.1f} anonymous{_ratio(anonymous, anonymous_mb)}"
        print(f"  memory     {resident:.1f} MB{_ratio(resident, resident_mb)}, {own}, {what}")


def _ratio(value: float, goal: float | None) -> str:
    return f" ({value / goal:.2f} of the goal, {goal:g})" if goal is not None else ""


async def _follow(path: Path, arrived_s: dict[bytes, float]) -> None:
    """
    Note when the death of each container arrives in the file.
    """
    rest, offset = b"", 0
    while True:
        await asyncio.sleep(TICK_S)
        if not path.exists() or path.stat().st_size <= offset:  # noqa: ASYNC240 (a measurement, not a server)
            continue
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
        offset, now_s = offset + len(data), time.monotonic()
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if DEATH in line and (found := SUBJECT.search(line)):
                arrived_s.setdefault(found[1], now_s)


async def _note_sizes(pid: int, every_s: float, sizes: list[tuple[float, float]]) -> None:
    while True:
        await asyncio.sleep(every_s)
        sizes.append(_memory(pid))


def _memory(pid: int) -> tuple[float, float]:
    fields = (line.split() for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    mb = {field[0]: int(field[1]) * 1024 / 1e6 for field in fields if field[0] in ("VmRSS:", "RssAnon:")}
    return mb["VmRSS:"], mb["RssAnon:"]


def _report(records: list[bytes]) -> list[bytes]:
    """
    Return the first report that names a container, from its head to the kill.
    """
    chosen: list[bytes] = []
    for record in records:
        if b"invoked oom-killer" in record:
            chosen = []
        chosen.append(record)
        if b"Killed process" in record and any(b"oom-kill:" in each for each in chosen):
            return chosen
    raise SystemExit("the recording has no whole report")


def _victim(report: list[bytes]) -> tuple[bytes, bytes]:
    """
    Return pid and container of the process that a report says was killed.
    """
    text = b"".join(report)
    pid, id_ = re.search(rb"Killed process (\d+)", text), re.search(rb"task_memcg=\S*?([0-9a-f]{64})", text)
    if pid is None or id_ is None:
        raise SystemExit("the report names no container")
    return pid[1], id_[1]


if __name__ == "__main__":
    main()
