"""
Texts that people bring, from files of all sorts.
"""

import codecs
import json

import pytest

from parsers.pasted import lines

KILL = "Out of memory: Killed process 7 (java) total-vm:9kB, anon-rss:7kB, file-rss:1kB"
PRINTED = f"[   12.345678] {KILL}\n"
ENTRY = {
    "__CURSOR": "s=1",
    "MESSAGE": KILL,
    "_TRANSPORT": "kernel",
    "_SOURCE_MONOTONIC_TIMESTAMP": "12345678",
    "_BOOT_ID": "b" * 32,
}
DMESG = json.dumps({"dmesg": [{"pri": 3, "time": 12.345678, "msg": KILL}, {"pri": 6, "time": 13, "msg": "eth0: up"}]})


def read(text: bytes) -> tuple[str, int | None, bool]:
    first = next(lines(text))
    return first.line.text, first.line.monotonic_us, first.from_kernel


@pytest.mark.parametrize(
    "text",
    [
        PRINTED.encode(),
        PRINTED.replace("\n", "\r\n").encode(),
        codecs.BOM_UTF8 + PRINTED.encode(),
        codecs.BOM_UTF16_LE + PRINTED.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + PRINTED.encode("utf-16-be"),
        b"\0" * 4096 + PRINTED.encode(),
        f"\x1b[32m[   12.345678] \x1b[0m\x1b[1;31m{KILL}\x1b[0m\n".encode(),
    ],
    ids=["plain", "CRLF", "UTF-8 with mark", "UTF-16 LE", "UTF-16 BE", "hole of a crash", "colours"],
)
def test_a_file_is_text_however_it_was_written(text: bytes) -> None:
    """
    Windows, crashes and terminals leave their marks.
    """
    assert read(text) == (KILL, 12345678, True)


@pytest.mark.parametrize(
    "text",
    [
        DMESG,
        DMESG[: DMESG.index("eth0")],
        json.dumps(ENTRY),
        "\x1e" + json.dumps(ENTRY),
        json.dumps(ENTRY, indent=8),
        "".join(f"{name}={value}\n" for name, value in ENTRY.items()) + "\n",
    ],
    ids=["dmesg", "dmesg, cut", "json", "json-seq", "json-pretty", "export"],
)
def test_output_for_programs_is_read_too(text: str) -> None:
    """
    `dmesg --json`, and `journalctl -o` with what gives all fields; up to where it is cut.
    """
    assert read(text.encode()) == (KILL, 12345678, True)
