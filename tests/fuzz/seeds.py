"""
Where each target begins: one sample of every format that it reads.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tests.hostile.engine import A, described, event

_KILL: Final = (
    b"Memory cgroup out of memory: Killed process 7 (java) total-vm:9kB, anon-rss:7kB, file-rss:1kB, shmem-rss:0kB, "
    b"UID:0 pgtables:4kB oom_score_adj:0"
)
_SUMMARY: Final = (
    b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=a,mems_allowed=0,oom_memcg=/docker/" + A.encode()
)
_ENTRY: Final = {
    "MESSAGE": _KILL.decode(),
    "_TRANSPORT": "kernel",
    "PRIORITY": "3",
    "_BOOT_ID": "b" * 32,
    "__REALTIME_TIMESTAMP": "1795316400000000",
    "_SOURCE_MONOTONIC_TIMESTAMP": "7",
    "_KERNEL_SUBSYSTEM": "x",
}

SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "kmsg": (b"3,7,9,-;" + _KILL + b"\n SUBSYSTEM=x\n", b"6,8,9,c;" + _SUMMARY + b"\n"),
        "journal": (
            json.dumps(_ENTRY).encode(),
            b"".join(f"{name}={text}\n".encode() for name, text in _ENTRY.items()) + b"\nM\n\3\0\0\0\0\0\0\0abc\n\n",
        ),
        "docker_event": (b"\x40" + json.dumps(event("die", A, 7, exitCode="137", name="x")).encode() + b"\n",),
        "docker_inspect": (json.dumps(described(A, ExitCode=137, Error="x")).encode(),),
        "docker_log": (b"\x40\x01\0\0\0\0\0\0\x0dtoken=secret\n\x02\0\0\0\0\0\0\4end\n",),
        "instruction": (b"\x0f\x0b", b"\xc4\xe2\x75\xb8\xc2", b"\x62\xf1\x75\x48\xfc\xc2", b"\xf3\x48\x0f\xb8\xc3"),
        "cgroups": (
            b"anon 4096\nfile 9\ninactive_file 1\n",
            b"some avg10=1.00 avg60=0.00 avg300=0.00 total=9\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
            b"low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n",
            b"usage_usec 9\nnr_throttled 1\n",
            b"200000 100000\n",
            f"/system.slice/docker-{A}.scope".encode(),
        ),
        "proc": (
            b"7 (a) b) S 1 7 7 0 -1 4194304 9 0 0 0 1 2 0 0 20 0 1 0 99 1000 10 18446744073709551615 1 1 0 0 0 0 0 0 0",
            f"0::/system.slice/docker-{A}.scope\n".encode(),
            b"MemTotal: 9 kB\nMemAvailable: 7 kB\n",
            (
                b"Name:\ta\nState:\tD (a)\nTgid:\t7\nPPid:\t1\nTracerPid:\t0\n"
                b"SigPnd:\t0000000000000100\nShdPnd:\t0000000000000000\n"
            ),
            b"[<0>] do_wait+0x1/0x2\n",
            bytes(range(76)),
        ),
        "trace": (
            b"  bash-27095 [001] d..1. 26981.123456: signal_generate: sig=9 errno=0 code=0 comm=a pid=26 grp=1 res=0\n",
            b"   hog-7 [000] .... 9.000001: mark_victim: pid=7 comm=hog\n",
        ),
        "killers": (
            b'sending SIGKILL to process 7 uid 0 "java": oom_score 900, VmRSS 9 MiB, cmdline "java"',
            b"Killed /system.slice/a.service due to memory used (9) / total (9) and swap used (9) / total (9)",
            b"docker-a.scope: A process of this unit has been killed by the OOM killer.",
        ),
        "pasted": (
            b"Oct 30 10:13:57 main kernel: [  100.000001] " + _KILL + b"\n",
            b"[  100.000001] java invoked oom-killer: gfp_mask=0xd0, order=0\n[  100.000002] " + _SUMMARY + b"\n",
            json.dumps(_ENTRY).encode() + b"\n",
        ),
        "published": (
            b'{"specversion":"1.0","id":"x","type":"exit137.oom_kill","time":"2026-11-22T03:17:04Z","data":{}}',
            b"Sun, 22 Nov 2026 03:17:04 GMT",
        ),
        "listener": (
            b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n",
            b"GET /readyz HTTP/1.0\r\n\r\n",
        ),
    }
)
