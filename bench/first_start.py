"""
Measures a first start beside a journal that has the kills of months: the time to ready and the CPU that it takes.

    python bench/first_start.py [KILLS [DAYS]]

Makes a journal of whole OOM reports (5,000 over 60 days unless the arguments say otherwise), between ordinary lines of
the kernel, and starts the agent on it with the journald source alone. Needs systemd-journal-remote and python-systemd.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from bench.shared.kills import cpu_s
from tests.lab.agent import COMMAND
from tests.shared.settings import switched_off_but

RECORDED: Final = Path(__file__).parents[1] / "tests/recordings/debian12-docker20-cgroup2/journal-kernel.json"
REMOTE: Final = Path("/lib/systemd/systemd-journal-remote")
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", "")
ORDINARY_LINES: Final = 20
QUIET_S: Final = 3.0
READY_S: Final = 60.0
US_PER_DAY: Final = 86_400_000_000
CONFIG: Final = """
[host]
hostname = "bench"
[store]
path = "{home}/exit137.db"
[sources.journald]
path = "{home}/journal"
[[sinks]]
name = "file"
type = "file"
path = "{home}/events.jsonl"
"""


def main(kills: int = 5000, days: float = 60) -> None:
    """
    Print what a first start costs.
    """
    with tempfile.TemporaryDirectory(prefix="exit137-bench-") as folder:
        home = Path(folder)
        count = make_journal(home / "journal", kills, days)
        print(f"a journal of {count:,} kernel lines with {kills:,} reports over {days:g} days")
        (home / "config.toml").write_text(CONFIG.format(home=home) + switched_off_but("journald"), encoding="utf-8")
        measure(home)


def make_journal(folder: Path, kills: int, days: float) -> int:
    """
    Write a journal of this boot that ends now. Return the number of its entries.
    """
    folder.mkdir()
    count = 0
    with tempfile.TemporaryFile() as export:
        for number, line in enumerate(entries(kills, days), 1):
            export.write(line)
            count = number
        export.seek(0)
        command = [REMOTE, "-o", folder / "system.journal", "-"]
        subprocess.run(command, stdin=export, check=True, stderr=subprocess.DEVNULL)
    return count


def entries(kills: int, days: float) -> Iterator[bytes]:
    """
    Yield reports in the export format, spread evenly over the days before now.
    """
    said = [orjson.loads(line)["MESSAGE"] for line in RECORDED.read_bytes().splitlines()]
    texts = [text for text in said if isinstance(text, str)]
    head = next(number for number, text in enumerate(texts) if "invoked oom-killer" in text)
    kill = next(number for number, text in enumerate(texts[head:], head) if "Killed process" in text)
    lines = texts[:ORDINARY_LINES] + texts[head : kill + 1]
    began_us, apart_us = time.time_ns() // 1000 - int(days * US_PER_DAY), int(days * US_PER_DAY / kills)
    for number in range(kills):
        for index, text in enumerate(lines):
            yield entry(text, number * apart_us + index * 20, began_us)


def entry(text: str, monotonic_us: int, began_us: int) -> bytes:
    """
    Return an entry as journald makes it of a kernel line.
    """
    fields = {
        "__REALTIME_TIMESTAMP": str(began_us + monotonic_us),
        "__MONOTONIC_TIMESTAMP": str(monotonic_us),
        "_BOOT_ID": BOOT_ID,
        "_SOURCE_MONOTONIC_TIMESTAMP": str(monotonic_us),
        "_TRANSPORT": "kernel",
        "_MACHINE_ID": "1" * 32,
        "_HOSTNAME": "bench",
        "_RUNTIME_SCOPE": "system",
        "PRIORITY": "6",
        "SYSLOG_FACILITY": "0",
        "SYSLOG_IDENTIFIER": "kernel",
        "MESSAGE": text.replace("\n", " "),
    }
    return "".join(f"{name}={value}\n" for name, value in fields.items()).encode() + b"\n"


def measure(home: Path) -> None:
    """
    Start the agent, and wait until it uses no CPU any more.
    """
    began_s = time.monotonic()
    with (home / "agent.log").open("wb") as log:
        process = subprocess.Popen([COMMAND, "run", "--config", home / "config.toml"], stdout=log, stderr=log)
    try:
        while b"ready; reads" not in (home / "agent.log").read_bytes():
            if process.poll() is not None or time.monotonic() - began_s > READY_S:
                sys.exit(f"the agent did not start:\n{(home / 'agent.log').read_text()}")
            time.sleep(0.005)
        ready_s, ready_cpu_s = time.monotonic() - began_s, cpu_s(process.pid)
        before_s, spent_s = -1.0, cpu_s(process.pid)
        while spent_s - before_s > QUIET_S / 100:
            time.sleep(QUIET_S)
            before_s, spent_s = spent_s, cpu_s(process.pid)
    finally:
        process.terminate()
        process.wait()
    published = home / "events.jsonl"
    events = published.read_bytes().count(b"\n") if published.exists() else 0
    print(f"ready after {ready_s:.2f} s and {ready_cpu_s:.2f} s of CPU")
    print(
        f"{spent_s:.2f} s of CPU until all was read, {spent_s - ready_cpu_s:.2f} of it after ready; {events:,} events"
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
