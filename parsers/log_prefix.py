"""
What tools and files put in front of a kernel message: times, levels, hosts, senders, mail quotes.

Prefixes stack, and each may be absent. They are taken off from the left in a fixed order; the message is what
is left. It is not read here, only asked whether it already is a line of a report where a prefix would be
ambiguous.
Formats: dmesg(1), journalctl(1), the file formats of rsyslog, printk's own `[seconds.microseconds]`.

    166236 Apr 18 00:37:34   kernel: [14049899.298773] Task in /docker/de9d… killed as a result of …
    kern  :warn  : 2025-01-21T08:41:30,287197+00:00 oom-kill:constraint=CONSTRAINT_MEMCG,…
"""

import re
from dataclasses import dataclass
from typing import Final

from parsers.oom_line import parse_line
from parsers.untyped import time_ns_of

KERNEL: Final = "kernel"
USER_SPACE_PRIORITY: Final = 8

_US_PER_S: Final = 1_000_000
_NS_PER_US: Final = 1000
_US_DIGITS: Final = 6
# Consoles of virtual machines: what they relay is the kernel log of the guest.
_RELAYS: Final = ("com.docker.", "hyperkit", "qemu")

# printk's stamp, perhaps with the delta of `dmesg -d` or `journalctl -o short-delta`, and with the caller of
# CONFIG_PRINTK_CALLER, before which newer dmesg leaves a blank.
_STAMP: Final = (
    r"\[ *(?P<s>[0-9]{1,12})\.(?P<fraction>[0-9]{1,9})(?: *<[ 0-9.*]{1,24}>)?\]"
    r"(?: ?\[ *(?P<caller>[TC][0-9]{1,10})\])? ?"
)
_ISO: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
# `Apr 18 00:37:34` with the month in any language; `Fri 2024-05-17 19:54:29 UTC`.
_LOCAL: Final = (
    rf"[^\s\[\]:]{{1,12}} +[0-9]{{1,2}} {_CLOCK}"
    rf"|(?:[^\s\[\]:]{{1,12}} )?[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}} {_CLOCK}(?:[+-][0-9]{{4}}| [A-Z]{{1,5}}\b)?"
)
# The time of day tells the date of `dmesg -T` and `-e`, in any language, from a row of the task table.
_BRACKETED: Final = r"\[[^\[\]]{0,40}?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: [^\[\]]{0,20})?\] ?"
_DELTA: Final = r"\[ *(?:\+[0-9]{1,12}\.[0-9]{6}|< *[0-9]{1,12}\.[0-9]{6}>)\] ?"
_UNIX: Final = r"[0-9]{10}\.[0-9]{6}"

_QUOTE: Final = re.compile(r"[\s>]*")
# What grep and `cat -n` put before a date or a stamp: the file, the number of the line.
_LINE_NUMBER: Final = re.compile(
    r"(?:[^\s:\[\]]{0,255}[./][^\s:\[\]]{0,255}:)?(?:[0-9]{1,10}[:\s])?\s*"
    r"(?=\[ *[0-9]+\.[0-9]{1,9}\]|.{1,24}[0-9]:[0-9]{2}:[0-9]{2})"
)
# A level; in the form of RFC 5424 with the version of that.
_LEVEL: Final = re.compile(r"<(?P<priority>[0-9]{1,3})>(?:1 (?=[0-9]{4}-))?")
_FACILITY: Final = re.compile(r"(?P<facility>[a-z]{3,8}[0-7]?) *:[a-z]{3,6} *: ")
_TIME: Final = re.compile(rf"{_STAMP}|{_BRACKETED}|{_DELTA}")
_DATE: Final = re.compile(rf"(?:(?P<iso>{_ISO})|(?P<unix>{_UNIX})|{_LOCAL})(?=\s)\s?")
# `host name[pid]: `, and the same in the form of RFC 5424: `host name pid - - `.
_SENDER: Final = re.compile(
    r"\s*(?:(?P<host>[^\s:\[\]]{1,255})\s+)?(?P<name>[^\s:\[\]]{1,64}(?:\[[^\s\[\]]{0,20}\])?)"
    r"(?:: ?| (?:-|[0-9]{1,10}) - - )"
)
# Without a date in front only what cannot be a word of the kernel's is a sender.
_BARE_SENDER: Final = re.compile(
    r"(?:(?P<host>[^\s:\[\]]{1,255})\s+)?(?P<name>kernel|[^\s:\[\]]{1,64}\[[0-9]{1,10}\]): ?"
)
_WRAPPER: Final = re.compile(rf"[^\[]{{0,80}}[\s:|]{_STAMP}")
_SYSLOG_CONTROL: Final = re.compile(r"#(0[0-3][0-7]|177)")


@dataclass(slots=True, kw_only=True)
class Prefixed:
    """
    A line without its prefix, and what the prefix said.

    Attributes:
        text: the message.
        indent: blanks and quotes before the first prefix or, without one, before the text.
        prefixed: there was more than an indent.
        identifier: the sender's name, with its pid where it was printed: `kernel`, `systemd[1]`.
        from_kernel: nothing in the prefix says that user space wrote the line.
        monotonic_us: microseconds since boot on the kernel's log clock.
        at_ns: nanoseconds since 1970; only from a date with its zone.
        caller: `T<tid>` or `C<cpu>`.
    """

    text: str
    indent: int = 0
    prefixed: bool = False
    identifier: str | None = None
    from_kernel: bool = True
    monotonic_us: int | None = None
    at_ns: int | None = None
    caller: str | None = None


def split_prefix(text: str) -> Prefixed:
    """
    Take the prefixes off a line.
    """
    line = Prefixed(text=text)
    quote = _take(line, _QUOTE)
    line.indent = quote.end() if quote is not None else 0
    line.prefixed = False
    _take(line, _LINE_NUMBER)
    _take_level(line)
    _take_time(line)
    _take_sender(line)
    _take_level(line)
    _take_time(line)
    _take_wrapper(line)
    return line


def split_sender(text: str) -> tuple[str | None, str]:
    """
    The sender that a program named itself in its message, and the rest of that.
    """
    match = _BARE_SENDER.match(text)
    return (match["name"], text[match.end() :]) if match is not None else (None, text)


def _take(line: Prefixed, pattern: re.Pattern[str]) -> re.Match[str] | None:
    match = pattern.match(line.text)
    if match is not None and match.end():
        line.text = line.text[match.end() :]
        line.prefixed = True
    return match


def _take_level(line: Prefixed) -> None:
    """
    `<4>` of the kernel or of syslog, `kern  :warn  : ` of `dmesg -x`.
    """
    level = _take(line, _LEVEL)
    if level is not None and int(level["priority"]) >= USER_SPACE_PRIORITY:
        line.from_kernel = False
    facility = _take(line, _FACILITY)
    if facility is not None and facility["facility"] != "kern":
        line.from_kernel = False


def _take_time(line: Prefixed) -> None:
    match = _take(line, _TIME)
    if match is not None:
        _note_stamp(line, match)


def _note_stamp(line: Prefixed, match: re.Match[str]) -> None:
    if match["s"] is not None:
        line.monotonic_us = int(match["s"]) * _US_PER_S + _microseconds(match["fraction"])
        line.caller = match["caller"]


def _take_sender(line: Prefixed) -> None:
    """
    The date, host and name of syslog and journalctl; `dmesg` prints a date alone, its fraction after a comma.
    """
    date = _take(line, _DATE)
    iso = date["iso"] if date is not None else None
    if date is not None and date["unix"] is not None:
        seconds, _, fraction = date["unix"].partition(".")
        line.at_ns = (int(seconds) * _US_PER_S + _microseconds(fraction)) * _NS_PER_US
    if iso is not None:
        line.at_ns = time_ns_of(_rfc3339(iso))
        if "," in iso:
            return
    match = (_BARE_SENDER if date is None else _SENDER).match(line.text)
    if match is None or (match["host"] is None and match["name"] != KERNEL and _is_message(line.text)):
        return
    line.identifier = match["name"]
    line.prefixed = True
    line.text = _SYSLOG_CONTROL.sub(lambda octal: chr(int(octal[1], 8)), line.text[match.end() :])
    line.from_kernel = line.from_kernel and (
        line.identifier == KERNEL or (line.identifier.startswith(_RELAYS) and _TIME.match(line.text) is not None)
    )


def _take_wrapper(line: Prefixed) -> None:
    """
    Anything before the kernel's stamp, where nothing else tells what it is.
    """
    if line.monotonic_us is None and line.identifier is None and not _is_message(line.text):
        match = _take(line, _WRAPPER)
        if match is not None:
            _note_stamp(line, match)


def _microseconds(fraction: str) -> int:
    """
    The digits behind a point, of which dmesg prints six; people and other tools cut them.
    """
    return int(fraction[:_US_DIGITS].ljust(_US_DIGITS, "0"))


def _is_message(text: str) -> bool:
    return parse_line(text) is not None


def _rfc3339(iso: str) -> str:
    """
    With a dot before the fraction and a colon in the offset.
    """
    iso = iso.replace(",", ".")
    return iso if iso[-1:] == "Z" or iso[-3:-2] == ":" else f"{iso[:-2]}:{iso[-2:]}"
