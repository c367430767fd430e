"""
Read a line as the program writes that wrote it.
"""

import re
from dataclasses import replace
from typing import Final, assert_never

from parsers.journal import JournalEntry
from parsers.killers.authors import Writer, author_of
from parsers.killers.cgroup_killers import parse_oomd, parse_talos
from parsers.killers.earlyoom import parse_earlyoom
from parsers.killers.facts import KillerFact
from parsers.killers.systemd import parse_systemd_oomd, parse_unit_entry, parse_unit_text

# earlyoom's own log, and others that print no name: a date and a colon.
_DATE: Final = re.compile(r"(?:[^\s:]{1,12} +[0-9]{1,2} +)?[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?: +")


def parse_killer(entry: JournalEntry) -> KillerFact | None:
    """
    Return the kill that an entry reports; None for all other entries, also those of untrusted senders.
    """
    found = author_of(entry)
    if found is None:
        return None
    writer, author = found
    if writer is Writer.SYSTEMD:
        unit = entry.user_unit if author.within is not None else entry.unit
        fact: KillerFact | None = parse_unit_entry(entry.message, entry.message_id, unit, entry.at_ns)
    else:
        fact = _read(writer, entry.message, entry.at_ns, named=True)
    return replace(fact, author=author) if fact is not None else None


def parse_killer_text(text: str, identifier: str | None, at_ns: int | None = None) -> KillerFact | None:
    """
    Return the kill that a line of pasted text reports; nothing proves who wrote it.

    Args:
        text: the message without its prefix.
        identifier: the name in the prefix, with or without `[pid]`, if any. Without one the words decide.
        at_ns: the time in the prefix, in nanoseconds since 1970, if it has one with a time zone.
    """
    if "ill" not in text and "SIG" not in text:
        return None  # no sentence here is without one of these
    name = (identifier or "").partition("[")[0]
    if name == "kernel":
        return parse_oomd(text, at_ns) or parse_talos(text, at_ns)
    if not name:
        text = _DATE.sub("", text, count=1) if _DATE.match(text) is not None else text
        facts = (_read(writer, text, at_ns, named=False) for writer in Writer)
        return next((fact for fact in facts if fact is not None), None)
    return _read(Writer(name), text, at_ns, named=True) if name in Writer.__members__.values() else None


def _read(writer: Writer, text: str, at_ns: int | None, *, named: bool) -> KillerFact | None:
    match writer:
        case Writer.SYSTEMD:
            return parse_unit_text(text, at_ns)
        case Writer.SYSTEMD_OOMD:
            return parse_systemd_oomd(text, at_ns)
        case Writer.EARLYOOM:
            return parse_earlyoom(text, at_ns, named=named)
        case Writer.OOMD:
            return parse_oomd(text, at_ns)
        case Writer.TALOS:
            return parse_talos(text, at_ns)
        case _:
            assert_never(writer)
