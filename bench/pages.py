"""
How fast the pages are, and how much memory they take, with many events in the store.

    python bench/pages.py [EVENTS]

Fills a store with the events of a recording, again and again under new ids (100,000 unless EVENTS says otherwise),
starts `exit137 web`, and asks for each page one request after the other.
"""

import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.shared.kills import cpu_s
from collector.store import Store
from tests.hostile.memory import peak_bytes
from tests.shared.incidents import leak_events
from tests.shared.pages import recorded, stored

COUNT: Final = 100_000
AT_ONCE: Final = 400
ROUNDS: Final = 200
MINUTE_NS: Final = 60_000_000_000
MIB: Final = 1_048_576
PAGES: Final = (
    "/",
    "/incidents",
    "/incidents?cause=oom_kill",
    "/incidents?text=glob",
    "/incidents?text=no-such-text",
    "/incidents?container=glob",
    "/incidents?span=24h",
    "/incidents?image=lab:1&kind=container_death",
    "/service?name=shop",
    "/incident/{id}",
)


async def fill(path: Path, count: int) -> str:
    """
    Store the events, one a minute until now. Return the id of one with a curve.
    """
    store = await Store.open(path, max_bytes=2**40)
    bodies, now_ns = recorded(), time.time_ns()
    for start in range(0, count, AT_ONCE):
        events = []
        for number in range(start, min(start + AT_ONCE, count)):
            body = bodies[number % len(bodies)].replace(b'"name":"glob"', b'"name":"shop"', number % 2)
            event = stored(body)
            id_ = event.id if number >= count - len(bodies) else f"00000000-0000-5000-8000-{number:012}"
            at_ns = now_ns - (count - number) * MINUTE_NS
            events.append(replace(event, id=id_, time_ns=at_ns, body=body.replace(event.id.encode(), id_.encode())))
        await store.commit(events, {})
    await store.aclose()
    return leak_events()[-1].id


def main() -> None:
    """
    Measure, and print one line per page.
    """
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory(prefix="exit137-bench-") as name:
        folder = Path(name)
        id_ = asyncio.run(fill(folder / "exit137.db", count))
        (folder / "config.toml").write_text(
            f'[store]\npath = "{folder}/exit137.db"\n[web]\nlisten = "127.0.0.1:0"\n', encoding="utf-8"
        )
        command = [Path(sys.executable).with_name("exit137"), "web", "--config", folder / "config.toml"]
        with (folder / "log").open("w+") as log, subprocess.Popen(command, stderr=log) as process:
            try:
                address = address_in(folder / "log")
                print(f"{count:,} events")
                for page in PAGES:
                    measure(address, page.format(id=id_), process.pid)
                print(f"peak memory {peak_bytes(process.pid) / MIB:.1f} MiB")
            finally:
                process.terminate()


def address_in(log: Path) -> str:
    """
    Wait for the address that the program prints when it is ready.
    """
    while (found := re.search(r"pages at (\S+)/", log.read_text(encoding="utf-8"))) is None:
        time.sleep(0.05)
    return found[1]


def measure(address: str, page: str, pid: int) -> None:
    """
    Ask for a page many times, and print how long it took, and how much CPU the process took for one.
    """
    spent, began_cpu_s = [], cpu_s(pid)
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with urllib.request.urlopen(address + page, timeout=60) as answer:  # noqa: S310 (our own address)
            size = len(answer.read())
        spent.append(1000 * (time.perf_counter() - began))
    cpu_ms = 1000 * (cpu_s(pid) - began_cpu_s) / ROUNDS
    p50, p99 = statistics.median(spent), statistics.quantiles(spent, n=100)[98]
    print(f"{page:45} {size / 1024:6.0f} KiB  p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  CPU {cpu_ms:5.1f} ms", flush=True)


if __name__ == "__main__":
    main()
