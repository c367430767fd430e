"""
Measures `explain --file` on large inputs: every kind of carrier, and inputs that are made to be slow.

Each input is read in a process of its own. Goal: 20 MB/s or more on one core and under 120 MB resident, whatever the
text. `python bench/pasted.py [MB [NAME …]]`; 200 MB by default.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Final

MB: Final = 1_000_000
ID: Final = "fd92d65e92f9edc800266ece977e4316a31716bf6f008ba834b4a930b19b20e3"
EVERY: Final = 20_000  # ordinary lines between two reports
GOAL_MB_PER_S: Final = 20
GOAL_RESIDENT_MB: Final = 120


def ordinary(number: int) -> str:
    """
    Return a line that has nothing to do with an OOM.
    """
    return f"br-{number % 97:012x}: port {number % 9}(veth{number % 65521:07x}) entered forwarding state"


def report(pid: int) -> list[str]:
    """
    Return the lines of a report.
    """
    path = f"/docker/{ID}"
    return [
        "php-fpm invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        f"CPU: 3 PID: {pid} Comm: php-fpm Not tainted 5.15.0-122-generic #132-Ubuntu",
        "memory: usage 131072kB, limit 131072kB, failcnt 812",
        f"Memory cgroup stats for {path}:",
        "anon 130000000",
        "Tasks state (memory values in pages):",
        "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        *(f"[{pid - n:7d}]     0 {pid - n} 100000 {2000 + n} 200000 0 0 php-fpm" for n in range(20)),
        (
            f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={ID},mems_allowed=0,oom_memcg={path},"
            f"task_memcg={path},task=php-fpm,pid={pid},uid=1000"
        ),
        (
            f"Memory cgroup out of memory: Killed process {pid} (php-fpm) total-vm:568056kB, anon-rss:107940kB, "
            "file-rss:11516kB, shmem-rss:6280kB, UID:1000 pgtables:524kB oom_score_adj:0"
        ),
    ]


def messages() -> Iterator[tuple[int, str]]:
    """
    Yield numbered messages without end: ordinary ones, and now and then a report.
    """
    for number in count():
        if number % EVERY == EVERY - 1:
            for text in report(10_000 + number // EVERY):
                yield number, text
        else:
            yield number, ordinary(number)


def carrier(form: Callable[[int, str], str]) -> Callable[[], Iterator[str]]:
    """
    Return what yields the messages in a form.
    """
    return lambda: (form(number, text) for number, text in messages())


def stamp(number: int) -> str:
    """
    Return the kernel's stamp of a line.
    """
    return f"[{number // 100:6d}.{number % 100 * 10000:06d}]"


def iso(number: int) -> str:
    """
    Return the date of a line.
    """
    return f"2024-10-{number // 86400 % 28 + 1:02d}T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"


def pretty(number: int, text: str) -> str:
    """
    Return an entry of `journalctl -o json-pretty`.
    """
    return json.dumps(json.loads(journal(number, text)), indent=8)


def export(number: int, text: str) -> str:
    """
    Return an entry of `journalctl -o export`.
    """
    return "".join(f"{name}={value}\n" for name, value in json.loads(journal(number, text)).items())


def journal(number: int, text: str) -> str:
    """
    Return a line of `journalctl -o json`.
    """
    fields = {
        "__CURSOR": f"s=2c;i={number:x}", "__REALTIME_TIMESTAMP": str(1730279637161113 + number * 10000),
        "_BOOT_ID": "1" * 32, "_MACHINE_ID": "a" * 32, "_HOSTNAME": "main", "_TRANSPORT": "kernel",
        "SYSLOG_FACILITY": "0", "SYSLOG_IDENTIFIER": "kernel", "PRIORITY": "6",
        "_SOURCE_MONOTONIC_TIMESTAMP": str(number * 10000), "MESSAGE": text,
    }  # fmt: skip
    return json.dumps(fields)


INPUTS: Final[dict[str, Callable[[], Iterator[str]]]] = {
    "dmesg": carrier(lambda number, text: f"{stamp(number)} {text}"),
    "plain": carrier(lambda _number, text: text),
    "syslog": carrier(lambda number, text: f"Oct 30 10:{number // 60 % 60:02d}:{number % 60:02d} main kernel: {stamp(number)} {text}"),  # noqa: E501
    "json-file": carrier(lambda number, text: json.dumps({"log": f"{stamp(number)} {text}\n", "stream": "stdout", "time": f"{iso(number)}Z"})),  # noqa: E501
    "journal-json": carrier(journal),
    "csv": carrier(lambda number, text: f'"{iso(number)}","{1730279637 + number}000000000","{text}"'),
    "kubectl": carrier(lambda number, text: f"[pod/npd-abcde/npd] {stamp(number)} {text}"),
    "journal-pretty": carrier(pretty),
    "journal-export": carrier(export),
    "kmsg": carrier(lambda number, text: f"4,{number},{number * 10000},-;{text}"),
    "talos": carrier(lambda number, text: f"10.0.0.5: kern: info: [{iso(number)}.000000000Z]: {text}"),
    "rfc5424": carrier(lambda number, text: f"<4>1 {iso(number)}+00:00 main kernel - - - {stamp(number)} {text}"),
    "json array in one line": carrier(lambda number, text: json.dumps({"log": f"{stamp(number)} {text}"}) + ","),
    "wrapped at 80": lambda: (line[at : at + 80] for number, text in messages() for line in [f"{stamp(number)} {text}"] for at in range(0, len(line), 80)),  # noqa: E501
    "short lines": lambda: ("ok" for _ in count()),
    "brackets": lambda: ("[" * 100 for _ in count()),
    "reports only": lambda: (f"{stamp(number * 500)} {text}" for number in count() for text in report(number)),
    "hostile: a word in each line": lambda: (f"worker {n} oom killed cgroup stats failcnt" for n in count()),
    "hostile: cut summaries": lambda: (f"[ 100.{n % 10**6:06d}] oom-kill:constraint=CONSTRAINT_MEMCG," + "task=a," * 860 for n in count()),  # noqa: E501
    "hostile: pieces without end": lambda: ("oom-kill:constraint=CONSTRAINT_" if n % 33 == 0 else "MEMCG,task_memcg=/a" for n in count()),  # noqa: E501
    "hostile: open braces": lambda: ('{"a":[{"oom":' for _ in count()),
    "hostile: heads": lambda: (f"[{n:7d}.000000] a invoked oom-killer: gfp_mask=0xd0, order=0" for n in count()),
    "hostile: one line": lambda: iter(["oom killed " * 20_000_000]),
    "hostile: backspaces": lambda: ("oom killed" + "\b" * 90 for _ in count()),
}  # fmt: skip


def write(path: Path, name: str, lines: Iterator[str], size: int) -> None:
    """
    Write lines, or one line, up to a size.
    """
    written = 0
    end = "" if "one line" in name else "\n"
    with path.open("wb") as file:
        while written < size and (some := [line for line, _ in zip(lines, range(5000), strict=False)]):
            written += file.write((end.join(some) + end).encode()[: size - written])


def measure(name: str, size: int) -> bool:
    """
    Measure one input in a process of its own; return whether it reached the goal.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pasted.log"
        write(path, name, INPUTS[name](), size)
        done = subprocess.run([sys.executable, __file__, "--one", path], capture_output=True, text=True, check=False)
        size = path.stat().st_size
    if done.returncode:
        print(f"{name:32} failed: {done.stderr[-200:]}", flush=True)
        return False
    seconds, resident_mb, kills = (float(figure) for figure in done.stdout.split())
    speed = size / MB / seconds
    print(
        f"{name:32} {size / MB:5.0f} MB {seconds:7.1f} s CPU {speed:7.1f} MB/s {resident_mb:5.0f} MB resident {kills:6.0f} events",  # noqa: E501
        flush=True,
    )
    return speed >= GOAL_MB_PER_S and resident_mb <= GOAL_RESIDENT_MB


def read_one(path: Path) -> None:
    """
    Read one file and print seconds of CPU, MB resident and the number of events.
    """
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from collector.recordings.pasted import events_in  # noqa: PLC0415 - only the child measures it
    from collector.recordings.unpack import chunks  # noqa: PLC0415

    begun = time.process_time()
    with path.open("rb") as file:
        events = sum(1 for _ in events_in(chunks(file)))
    seconds = time.process_time() - begun
    status = Path("/proc/self/status").read_text(encoding="ascii")
    resident_kb = int(status.partition("VmHWM:")[2].split()[0])
    print(seconds, resident_kb / 1000, events)


def main() -> None:
    """
    Measure the named inputs, or all.
    """
    if sys.argv[1:2] == ["--one"]:
        read_one(Path(sys.argv[2]))
        return
    size = int(sys.argv[1]) * MB if len(sys.argv) > 1 else 200 * MB
    names = sys.argv[2:] or list(INPUTS)
    missed = [name for name in names if not measure(name, size)]
    if missed:
        print(f"below the goal of {GOAL_MB_PER_S} MB/s and {GOAL_RESIDENT_MB} MB: {', '.join(missed)}")


if __name__ == "__main__":
    main()
