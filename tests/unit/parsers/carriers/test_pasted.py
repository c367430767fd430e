"""
Texts that people paste, from files of all kinds.
"""

import codecs
import json

import pytest

from parsers.carriers.pasted import Bounds, lines

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
    Encodings and marks of Windows, crashes and terminals do not change the messages.
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
    `dmesg --json` and the full formats of `journalctl -o` are read, up to where they are cut.
    """
    assert read(text.encode()) == (KILL, 12345678, True)


def test_a_line_keeps_its_host_its_printed_time_and_its_number() -> None:
    """
    A message has the host and the time as the text prints them, and the number of its first line.
    """
    text = f"before\nMay 17 19:54:29 main kernel: [   12.345678] {KILL}\n[Fri May 17 19:54:29 2024] {KILL}\n"
    _, syslog, dmesg = lines(text)
    assert (syslog.host, syslog.pasted_time, syslog.number) == ("main", "May 17 19:54:29", 2)
    assert (dmesg.host, dmesg.pasted_time, dmesg.number) == (None, "Fri May 17 19:54:29 2024", 3)


def test_a_long_line_of_records_is_read_to_its_end() -> None:
    """
    A JSON array in one line, longer than the bound on a line, gives the message of its last record.
    """
    records = [{"log": f"[{number:5d}.000000] eth0: up"} for number in range(3000)]
    text = json.dumps([*records, {"log": PRINTED}])
    assert [line.line.text for line in lines(text) if "Killed" in line.line.text] == [KILL]


STAMPED = f"[   12.345678] {KILL}"


@pytest.mark.parametrize(
    "text",
    [
        f"> • `{STAMPED}`",
        f"+{STAMPED}",
        f"Date,Host,Service,Message\n2025-02-03,w1,kernel,{json.dumps(STAMPED)}",
        json.dumps(json.dumps({"log": f"{STAMPED}\n"})),
        json.dumps({"changed": True, "stdout": STAMPED}, indent=4),
        f"{STAMPED[:60]}\\\n{STAMPED[60:]}",
        f"{STAMPED[:60]}\n ↪{STAMPED[60:]}",
    ],
    ids=["list in a chat", "diff", "CSV, partly quoted", "JSON in a string", "stdout of a task", "backslash", "arrow"],
)
def test_what_chats_editors_and_tools_put_around_a_line_is_removed(text: str) -> None:
    """
    A line is read inside lists, diffs, partly quoted CSV, JSON strings, and where an editor marked a wrap.
    """
    found = [line for line in lines(text) if "Killed" in line.line.text]
    assert [(line.line.text, line.line.monotonic_us) for line in found] == [(KILL, 12345678)]


def test_a_large_line_of_records_loses_none() -> None:
    """
    A JSON array without line ends, larger than a block, gives the messages of all of its records.
    """
    records = [json.dumps({"log": f"{STAMPED} {number}"}) for number in range(8000)]
    text = ("[" + ",".join(records) + "]").encode()
    found = lines((text[at : at + 10_000] for at in range(0, len(text), 10_000)), Bounds(small_bytes=0))
    assert len(list(found)) == len(records)
