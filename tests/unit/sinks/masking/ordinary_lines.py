# ruff: noqa: E501 (one pattern a line)
"""
Ordinary lines of logs without a secret, in the formats of common programs: none of them may be masked.

Those in ordinary.txt are written for this purpose, in the formats that the programs document. Many speak of passwords, tokens and keys.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

LINES: Final = (Path(__file__).parent / "ordinary.txt").read_text(encoding="utf-8")

_PATTERNS: Final = (
    '10.0.{b}.{c} - - [29/Nov/2026:08:{c:02}:{b:02} +0000] "GET /api/v1/items/{a}?page={b} HTTP/1.1" 200 {a} "-" "curl/8.{c}.0"',
    "2026-11-29 08:00:{b:02}.{a} UTC [{a}] LOG:  duration: {b}.{c} ms  statement: SELECT * FROM sessions WHERE id = {a}",
    "commit {sha1}",
    "image sha256:{sha256} loaded in {b} ms",
    "request {uuid} took {a} ms",
    'I1129 08:00:{b:02}.{a:06} 1 secret_manager.go:{b}] "Secret synced" secret="default/web-{hex}" uid="{uuid}"',
    "\tat com.example.p{b}.PasswordFilter.doFilter(PasswordFilter.java:{a})",
    '  File "/app/token_{b}.py", line {a}, in refresh_token',
    "Nov 29 08:00:{b:02} web{c} systemd[1]: docker-{sha256}.scope: Consumed {b}.{c}s CPU time.",
    'ETag: "{hex}{hex}" key=orders/{a}/{b} code={c}',
    "layer {sha256}: pulled {a} of {a}{b} bytes",
    "user {a} logged in, session {uuid}",
    "mount /var/lib/docker/overlay2/{sha256}/merged",
    "cid={sha256} pid={a} comm=java oom_score_adj={b}",
    "build {hex}-{b} tokens={a} cached={c}",
)
_COUNT: Final = 60


def ordinary_lines() -> list[str]:
    """
    Return all lines: those of the file, and each pattern with 60 different values.
    """
    return [line for line in LINES.split("\n") if line] + list(_generated())


def _generated() -> Iterator[str]:
    random = Random(137)  # noqa: S311 (no secret)
    for pattern in _PATTERNS:
        for _ in range(_COUNT):
            digits = f"{random.getrandbits(256):064x}"
            uuid = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
            yield pattern.format(
                a=random.randrange(1, 100_000),
                b=random.randrange(60),
                c=random.randrange(10),
                hex=digits[:12],
                sha1=digits[:40],
                sha256=digits,
                uuid=uuid,
            )
