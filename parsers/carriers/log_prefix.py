"""
Remove what tools and files put in front of a kernel message: times, levels, hosts, senders, names of pods.

Prefixes can be combined, and each can be absent. The rest is the message. Prefixes of dmesg, journalctl and syslog are
removed from the left; those of other tools (`table.PREFIXES`) only if a kernel message with a prefix, or a line of an
OOM report, is what remains. So the name in front of an application's own text is kept.
Formats: dmesg(1), journalctl(1), the file formats of rsyslog, RFC 5424, printk's own `[seconds.microseconds]`.

    166236 Apr 18 00:37:34   kernel: [14049899.298773] Task in /docker/de9d… killed as a result of …
    kern  :warn  : 2025-01-21T08:41:30,287197+00:00 oom-kill:constraint=CONSTRAINT_MEMCG,…
    node07: kern:    info: [2024-10-30T09:13:57.161113000Z]: Out of memory: Killed process …
"""

import re
from collections.abc import Sequence
from typing import Final

from parsers.carriers.kernel_text import is_message, may_be_message
from parsers.carriers.prefixed import Prefixed
from parsers.carriers.senders import BARE_SENDER, SENDER
from parsers.carriers.table import PREFIXES
from parsers.carriers.times import BRACKETED, DELTA, ISO, ISO_BRACKETED, LOCAL, STAMP, UNIX, microseconds, rfc3339
from parsers.untyped import time_ns_of

KERNEL: Final = "kernel"
USER_SPACE_PRIORITY: Final = 8
_TALOS: Final = "[talos] "
_US_PER_S: Final = 1_000_000
_NS_PER_US: Final = 1000
# Bounds on the work for one line, and on what a text can teach.
_OUTER_AT_MOST: Final = 5
_CHAINS_AT_MOST: Final = 8
# Consoles of virtual machines: they relay the kernel log of the guest.
_RELAYS: Final = ("com.docker.", "hyperkit", "qemu")


_QUOTE: Final = re.compile(r"[\s>]*")
# A name of a process that begins so has more likely a prefix in front of it; newer kernels print two names of one.
_DECORATED: Final = re.compile(
    r"(?![^\n:]{1,255}: [^\n:]{1,15}: potentially unexpected)(?:[^\w(/.]|[^\[\n]{0,15}(?:[:|>$#] |\t))"
)
# What grep and `cat -n` put before a date or a stamp: the file, the number of the line.
_LINE_NUMBER: Final = re.compile(
    r"(?:[^\s:\[\]]{0,255}[./][^\s:\[\]]{0,255}-[0-9]{1,10}-|"
    r"(?:[^\s:\[\]]{0,255}[./][^\s:\[\]]{0,255}:)?(?:[0-9]{1,10}[:\s])?)\s*"
    r"(?=\[ *[0-9]+\.[0-9]{1,9}\]|.{1,24}[0-9]:[0-9]{2}:[0-9]{2})"
)
# A level; in the form of RFC 5424 with the version of that.
_LEVEL: Final = re.compile(r"<(?P<priority>[0-9]{1,3})>(?:1 (?=[0-9]{4}-))?")
_FACILITY: Final = re.compile(
    r"(?P<facility>[a-z]{3,8}[0-7]?) *: *(?:emerg|alert|crit|err|error|warn|warning|notice|info|debug) *: "
)
_TIME: Final = re.compile(rf"{STAMP}|{ISO_BRACKETED}|{BRACKETED}|{DELTA}")
# A search for this fails sooner than the pattern of all dates.
_MAY_HAVE_DATE: Final = re.compile(r"[0-9][0-9:][0-9.]")
_DATE_LENGTH_AT_MOST: Final = 64
_DATE: Final = re.compile(rf"(?:(?P<iso>{ISO})|(?P<unix>{UNIX})|{LOCAL}):?(?=\s)\s?")
# Words in front of a message that programs write, not tools: they make the message the program's own.
_LEVEL_WORDS: Final = frozenset(
    ("fatal", "error", "err", "warn", "warning", "info", "debug", "trace", "notice", "critical", "alert", "panic",
     "failed", "message", "msg", "log", "exception")
)  # fmt: skip
# Any text of another tool, if the kernel's own stamp follows it.
_WRAPPER: Final = re.compile(rf"[^\[]{{0,80}}[\s:|]{STAMP}")
_STAMP_AT: Final = re.compile(r"\[ *[0-9+<]")
# rsyslog prints control characters as # and three octal digits.
_SYSLOG_CONTROL: Final = re.compile(r"#(0[0-3][0-7]|177)")
_PATTERNS: Final = {carrier.name: carrier.pattern for carrier in PREFIXES}
Chains = dict[tuple[str, ...], None]


def split_prefix(text: str, chains: Chains | None = None) -> Prefixed:
    """
    Remove the prefixes of a line.

    Args:
        text: the line.
        chains: the prefixes of other tools that this text has on its OOM lines; they are removed from all lines, and
            new ones are added.
    """
    line = _known(text)
    if chains and not line.prefixed:
        # With its prefix, the head of a report looks like that of a process with a longer name.
        carried = next((found for chain in chains if (found := _by_chain(text, chain)) is not None), None)
        if carried is not None and (carried.prefixed and is_message(carried.text)):
            return carried
    is_kernel = _is_kernel(line)
    if is_kernel and (line.prefixed or _DECORATED.match(line.text) is None):
        return line
    outer = _outer(text, chains)
    if is_kernel and outer is None:
        return line
    if outer is not None:
        return outer
    _take_wrapper(line)
    return line


def _known(text: str) -> Prefixed:
    """
    Remove the prefixes of dmesg, journalctl and syslog.
    """
    line = Prefixed(text=text, raw=text)
    if text[:1] <= " " or text[:1] == ">":
        quote = _take(line, _QUOTE)
        line.indent = quote.end() if quote is not None else 0
        line.prefixed = False
    if line.text[:1] not in ("[", "<"):
        _take(line, _LINE_NUMBER)
    _take_level(line)
    _take_time(line)
    _take_sender(line)
    _take_level(line)
    _take_time(line)
    return line


def _is_kernel(line: Prefixed) -> bool:
    """
    Return whether the known prefixes explain a line: what is left is a message, of the kernel or of a program.
    """
    if line.identifier is not None or line.monotonic_us is not None:
        return True
    return (line.prefixed and line.at_ns is None and line.pasted_time is not None) or is_message(line.text)


def _outer(text: str, chains: Chains | None) -> Prefixed | None:
    """
    Remove the prefixes of other tools, if that leaves a message of the kernel.
    """
    if chains:
        for chain in chains:
            line = _by_chain(text, chain)
            if line is not None:
                return line
    if not may_be_message(text) and KERNEL not in text and _STAMP_AT.search(text) is None:
        return None
    found: list[re.Match[str]] = []
    names: list[str] = []
    rest = text.lstrip("> \t")
    for _ in range(_OUTER_AT_MOST):
        match, name = _first_outer(rest, names)
        if match is None:
            return None
        found.append(match)
        names.append(name)
        rest = _unwrapped(rest[match.end() :], name)
        line = _known(rest)
        is_known = line.monotonic_us is not None or line.identifier == KERNEL or line.text.startswith(_TALOS)
        if is_known or is_message(line.text):
            if chains is not None and len(chains) < _CHAINS_AT_MOST and is_message(line.text):
                chains[tuple(names)] = None
            return _with_outer(line, found)
    return None


def _by_chain(text: str, chain: tuple[str, ...]) -> Prefixed | None:
    rest = text.lstrip("> \t")
    found: list[re.Match[str]] = []
    for name in chain:
        match = _PATTERNS[name].match(rest)
        if match is None:
            return None
        found.append(match)
        rest = _unwrapped(rest[match.end() :], name)
    return _with_outer(_known(rest), found)


def _first_outer(text: str, used: Sequence[str]) -> tuple[re.Match[str] | None, str]:
    for name, pattern in _PATTERNS.items():
        match = pattern.match(text) if name not in used or name.startswith("a host") else None
        if match is not None and match.end() and (match.groupdict().get("host") or "").lower() not in _LEVEL_WORDS:
            return match, name
    return None, ""


def _unwrapped(text: str, name: str) -> str:
    """
    Remove the end that belongs to a prefix: the last bar of a row of a table, the quotes of a value in YAML.
    """
    if name == "YAML" and text[:1] in ("'", '"') and text.rstrip()[-1:] == text[:1]:
        return text.rstrip()[1:-1]
    return text.rstrip().removesuffix("|").rstrip() if name == "table" else text


def _with_outer(line: Prefixed, found: Sequence[re.Match[str]]) -> Prefixed:
    line.prefixed = True
    line.raw = found[0].string
    for match in reversed(found):
        groups = match.groupdict()
        line.host = line.host or groups.get("host")
        date = groups.get("iso") or groups.get("date")
        if date is not None and line.pasted_time is None:
            line.pasted_time = date
            line.at_ns = time_ns_of(rfc3339(date)) if groups.get("iso") is not None else None
        line.identifier = line.identifier or groups.get("name")
    return line


def _take(line: Prefixed, pattern: re.Pattern[str]) -> re.Match[str] | None:
    match = pattern.match(line.text)
    if match is not None and match.end():
        line.text = line.text[match.end() :]
        line.prefixed = True
    return match


def _take_level(line: Prefixed) -> None:
    """
    Remove `<4>` of the kernel or of syslog, or `kern  :warn  : ` of `dmesg -x`.
    """
    level = _take(line, _LEVEL) if line.text[:1] == "<" else None
    if level is not None and int(level["priority"]) >= USER_SPACE_PRIORITY:
        line.from_kernel = False
    facility = _take(line, _FACILITY) if line.text[:1].islower() else None
    if facility is not None and facility["facility"] != "kern":
        line.from_kernel = False


def _take_time(line: Prefixed) -> None:
    match = _take(line, _TIME) if line.text[:1] == "[" else None
    if match is not None:
        _set_stamp(line, match)


def _set_stamp(line: Prefixed, match: re.Match[str]) -> None:
    printed = match["iso"] or match[0].strip(" []")
    if match["iso"] is not None:
        line.at_ns = time_ns_of(rfc3339(match["iso"]))
    if match["s"] is None and not printed.startswith(("+", "<")):
        line.pasted_time = line.pasted_time or printed
    if match["s"] is not None:
        line.monotonic_us = int(match["s"]) * _US_PER_S + microseconds(match["fraction"])
        line.caller = match["caller"]


def _take_sender(line: Prefixed) -> None:
    """
    Remove the date, host and name of syslog and journalctl; `dmesg` prints only a date, with a comma in it.
    """
    date = _take_date(line)
    iso = date["iso"] if date is not None else None
    if date is not None:
        line.pasted_time = date[0].strip().removesuffix(":")
    if date is not None and date["unix"] is not None:
        seconds, _, fraction = date["unix"].partition(".")
        line.at_ns = (int(seconds) * _US_PER_S + microseconds(fraction)) * _NS_PER_US
    if iso is not None:
        line.at_ns = time_ns_of(rfc3339(iso))
        if "," in iso:
            return
    if date is None and KERNEL not in line.text and "]:" not in line.text:
        return
    match = (BARE_SENDER if date is None else SENDER).match(line.text)
    if match is None or _begins_message(line, match, is_dated=date is not None):
        return
    line.identifier, line.host = match["name"], match["host"]
    line.prefixed = True
    line.text = _SYSLOG_CONTROL.sub(lambda octal: chr(int(octal[1], 8)), line.text[match.end() :])
    line.from_kernel = line.from_kernel and (
        line.identifier == KERNEL or (line.identifier.startswith(_RELAYS) and _TIME.match(line.text) is not None)
    )


def _begins_message(line: Prefixed, sender: re.Match[str], *, is_dated: bool) -> bool:
    """
    Return whether what looks like a sender is the beginning of a message of the kernel, which names a process.
    """
    if sender["name"] == KERNEL:
        return False
    if sender["host"] is None:
        return is_message(line.text)
    # Without a date and a stamp, what looks like a host may be the prefix of any tool.
    return not is_dated and line.monotonic_us is None and is_message(line.text[sender.start("name") :])


def _take_date(line: Prefixed) -> re.Match[str] | None:
    """
    Remove a date; if a tool put its own in front of that of the log, both.
    """
    if _MAY_HAVE_DATE.search(line.text[:_DATE_LENGTH_AT_MOST]) is None:
        return None
    date = _take(line, _DATE)
    inner = _take(line, _DATE) if date is not None else None
    if date is not None and inner is not None and date["iso"] is not None:
        line.at_ns = time_ns_of(rfc3339(date["iso"]))
    return inner or date


def _take_wrapper(line: Prefixed) -> None:
    """
    Remove anything before the kernel's stamp that no other rule explains.
    """
    if line.monotonic_us is None and line.identifier is None and not is_message(line.text):
        match = _take(line, _WRAPPER)
        if match is not None:
            line.monotonic_us = int(match["s"]) * _US_PER_S + microseconds(match["fraction"])
            line.caller = match["caller"]
