"""
Text that somebody has at hand, from any machine, to messages of the kernel log.

Understood are what dmesg and journalctl print in most of their formats, files of syslog, the records of
/dev/kmsg, and all of these quoted, indented or wrapped by mail programs and web pages. Nothing proves who
wrote such a text, and forged lines are believed: it is for what an operator brings, not for watching a host.

    [   65.481992] Out of memory: Killed
    process 1968 (memkiller) total-vm:2099436kB, anon-rss:1971712kB,
    file-rss:1024kB, shmem-rss:0kB, UID:0 pgtables:3904kB oom_score_adj:0
"""

import codecs
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from parsers.errors import ParseError
from parsers.journal import kernel_line, parse_entry, parse_export
from parsers.kmsg import parse_record
from parsers.log_prefix import USER_SPACE_PRIORITY, Prefixed, split_prefix, split_sender
from parsers.oom_facts import KernelLine
from parsers.oom_line import is_complete, parse_line
from parsers.untyped import fields_of, int_of, text_of

# PowerShell writes UTF-16.
_ENCODINGS: Final = (
    (codecs.BOM_UTF8, "utf-8", "surrogateescape"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "replace"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "replace"),
)
# Colours of a terminal, and the holes that a crash leaves in a file.
_NOISE: Final = re.compile(r"\x1b\[[0-9;]*[mK]|\x00")
_DMESG_JSON: Final = re.compile(r'\s*\{\s*"dmesg"\s*:')
_JOURNAL_PRETTY: Final = re.compile(r"\s*\{[ \t\r]*\n")
_JOURNAL_EXPORT: Final = "__CURSOR="
_KMSG: Final = re.compile(r"[0-9]{1,4},[0-9]{1,20},[0-9]{1,20}(?:,[^;]*)?;")
_KMSG_PROPERTY: Final = re.compile(r" [A-Z_]+=")
_US_PER_S: Final = 1_000_000
_SECONDS_AT_MOST: Final = 1e12
_WRAPS_AT_MOST: Final = 8
# How lines begin that may have been wrapped.
_BEGINNING: Final = re.compile(
    r"\s*\Z|Memory cgroup out of|Out of |Kill|oom-kill:|Tasks? in /|.{1,15} invoked oom-killer:", re.DOTALL
)
# What a line can only go on with, never begin with.
_TAIL: Final = re.compile(
    r"(?:total-vm|anon-rss|file-rss|shmem-rss|pgtables|UID|oom_score_adj):[0-9-]|(?:[a-z_]+:[0-9]+KB ?)+\Z"
    r"|,(?:oom_memcg|task_memcg|task|pid|uid)="
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastedLine:
    """
    One message.

    Attributes:
        identifier: who wrote it, as the prefix says: `kernel`, `systemd[1]`; None where no name was printed.
        from_kernel: the line is the kernel's, as far as the text tells.
        machine_id: of the host that wrote it, and its name; only the journal's records tell.
    """

    line: KernelLine
    identifier: str | None
    from_kernel: bool
    machine_id: str | None = None
    hostname: str | None = None


def lines(text: bytes | str) -> Iterator[PastedLine]:
    """
    The messages of a text in their order, those of user space included.
    """
    if isinstance(text, bytes):
        text = _decoded(text)
    if text.startswith(_JOURNAL_EXPORT):
        yield from _journal_export(text)
        return
    text = _NOISE.sub("", text)
    dmesg = _DMESG_JSON.match(text)
    if dmesg is not None:
        yield from map(_dmesg_json, _objects(text, dmesg.end()))
    elif _JOURNAL_PRETTY.match(text) is not None:
        yield from _journal_pretty(text)
    else:
        yield from _printed(text)


def _decoded(text: bytes) -> str:
    """
    By its byte order mark; bytes that are not UTF-8 are kept as surrogates.
    """
    for mark, encoding, errors in _ENCODINGS:
        if text.startswith(mark):
            return text[len(mark) :].decode(encoding, errors)
    return text.decode("utf-8", "surrogateescape")


def _printed(text: str) -> Iterator[PastedLine]:
    """
    What was printed line by line, for people or as records.
    """
    block: list[Prefixed] = []
    after_record = False
    for raw in text.split("\n"):
        printed = raw.rstrip("\r")
        record = _record(printed.lstrip("> \t\x1e"))
        if record is not None:
            yield from _messages(block)
            block = []
            yield record
        elif not (after_record and _KMSG_PROPERTY.match(printed)):
            line = split_prefix(printed)
            if line.prefixed:
                yield from _messages(block)
                block = []
            block.append(line)
        after_record = record is not None
    yield from _messages(block)


def _record(text: str) -> PastedLine | None:
    """
    A line that is a record by itself: of /dev/kmsg, or of `journalctl -o json`.
    """
    try:
        if _KMSG.match(text) is not None:
            return _kmsg(text)
        if text.startswith('{"') and text.endswith("}"):
            return _journal(text.encode("utf-8", "surrogateescape"))
    except ParseError:
        pass
    return None


def _kmsg(text: str) -> PastedLine:
    record = parse_record(text.encode("utf-8", "surrogateescape"))
    line = KernelLine(
        text=record.text,
        monotonic_us=record.monotonic_us,
        seq=record.seq,
        caller=record.caller,
        fragment=record.fragment,
    )
    if record.from_kernel:
        return PastedLine(line=line, identifier=None, from_kernel=True)
    return _of_user_space(line)


def _journal(fields: bytes | Mapping[str, Any]) -> PastedLine:
    entry = parse_entry(fields)
    line = kernel_line(entry)
    return PastedLine(
        line=line or KernelLine(text=entry.message, boot_id=entry.boot_id, at_ns=entry.at_ns),
        identifier=entry.identifier,
        from_kernel=line is not None,
        machine_id=entry.machine_id,
        hostname=entry.hostname,
    )


def _journal_pretty(text: str) -> Iterator[PastedLine]:
    """
    `journalctl -o json-pretty`.
    """
    for fields in _objects(text, 0):
        with suppress(ParseError):
            yield _journal(fields)


def _journal_export(text: str) -> Iterator[PastedLine]:
    """
    `journalctl -o export`, up to where it is cut or damaged.
    """
    with suppress(ParseError):
        yield from map(_journal, parse_export(text.encode("utf-8", "surrogateescape")))


def _objects(text: str, at: int) -> Iterator[Mapping[str, Any]]:
    """
    The JSON objects of a text one by one, so that those before a cut are read.
    """
    decoder = json.JSONDecoder()
    while (at := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield fields_of(value)


def _dmesg_json(fields: Mapping[str, Any]) -> PastedLine:
    """
    One of `dmesg --json`: `{"dmesg": [{"pri": 6, "time": 65.481992, "msg": "…"}, …]}`.
    """
    line = KernelLine(
        text=text_of(fields.get("msg")) or "",
        monotonic_us=_microseconds(fields.get("time")),
        caller=text_of(fields.get("caller")),
    )
    by_number = (int_of(fields.get("pri")) or 0) < USER_SPACE_PRIORITY
    if by_number and fields.get("fac", "kern") == "kern":
        return PastedLine(line=line, identifier=None, from_kernel=True)
    return _of_user_space(line)


def _microseconds(seconds: object) -> int | None:
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return None
    return round(seconds * _US_PER_S) if 0 <= seconds < _SECONDS_AT_MOST else None


def _of_user_space(line: KernelLine) -> PastedLine:
    """
    What a program wrote to the kernel's log; it may have named itself.
    """
    name, text = split_sender(line.text)
    named = KernelLine(text=text, monotonic_us=line.monotonic_us, at_ns=line.at_ns, seq=line.seq)
    return PastedLine(line=named, identifier=name, from_kernel=False)


def _messages(block: Sequence[Prefixed]) -> Iterator[PastedLine]:
    """
    The messages of a line and of those without a prefix that follow it.
    """
    at = 0
    while at < len(block):
        line = block[at]
        text, wraps = _unwrapped(line, block[at + 1 :])
        at += 1 + wraps
        if text:
            yield _pasted(line, text)


def _pasted(head: Prefixed, text: str) -> PastedLine:
    line = KernelLine(text=text, monotonic_us=head.monotonic_us, at_ns=head.at_ns, caller=head.caller)
    if not head.from_kernel and head.identifier is None:
        return _of_user_space(line)
    return PastedLine(line=line, identifier=head.identifier, from_kernel=head.from_kernel)


def _unwrapped(line: Prefixed, rest: Sequence[Prefixed]) -> tuple[str, int]:
    """
    A message with the lines that go on with it, and their number.
    """
    text, wraps = line.text, 0
    if not is_complete(text):
        text, wraps = _completed(line, rest)
    if parse_line(text) is not None:
        while wraps < len(rest) and _TAIL.match(rest[wraps].text) is not None:
            tail = rest[wraps].text
            text = text.rstrip() + ("" if tail.startswith(",") else " ") + tail
            wraps += 1
    return text, wraps


def _completed(line: Prefixed, rest: Sequence[Prefixed]) -> tuple[str, int]:
    """
    A line that was cut, up to where it makes sense; else a record of several lines; else the line as it is.
    """
    if _BEGINNING.match(line.text) is not None:
        parts = [line.text]
        for wraps, following in enumerate(rest[:_WRAPS_AT_MOST], start=1):
            if line.text.strip() and is_complete(following.text):
                break
            parts.append(following.text)
            for separator in ("\n", " ", "") if following.indent > line.indent else (" ", ""):
                text = separator.join(part.strip() for part in parts).strip()
                if is_complete(text):
                    return text, wraps
    if not line.prefixed:
        return line.text, 0
    inner = [following.text for following in rest if following.indent > line.indent]
    count = next((n for n, following in enumerate(rest) if following.indent <= line.indent), len(rest))
    return "\n".join([line.text, *inner[:count]]), count
