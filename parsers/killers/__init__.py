"""
Parse what programs write about OOM kills outside the kernel log: systemd, systemd-oomd, earlyoom, nohang, oomd, Talos.

Anyone can write such words to the journal, so an entry counts only if journald itself vouches for the sender
(`authors`). Pasted text has no such fields: `parse_killer_text` believes the name in front of the line, and where there
is no name the words themselves. The author of such a fact is in doubt.
"""

from parsers.killers.authors import EARLYOOM_UNIT, OOMD_UNIT, SYSTEMD_OOMD_UNIT, Writer, author_of, is_coredump_service
from parsers.killers.facts import (
    NOBODY_KNOWN,
    Author,
    EarlyoomKill,
    KillerFact,
    NohangKill,
    OomdKill,
    SystemdOomdKill,
    TalosKill,
    UnitOomdKilled,
    UnitOomKilled,
    UserspaceKillFact,
)
from parsers.killers.reported import ReportedKill, parse_kubelet, parse_reaped, sentence_of_node_problem
from parsers.killers.senders import parse_killer, parse_killer_text
from parsers.killers.systemd import UNIT_OOMD_KILL, UNIT_OUT_OF_MEMORY

__all__ = [
    "EARLYOOM_UNIT",
    "NOBODY_KNOWN",
    "OOMD_UNIT",
    "SYSTEMD_OOMD_UNIT",
    "UNIT_OOMD_KILL",
    "UNIT_OUT_OF_MEMORY",
    "Author",
    "EarlyoomKill",
    "KillerFact",
    "NohangKill",
    "OomdKill",
    "ReportedKill",
    "SystemdOomdKill",
    "TalosKill",
    "UnitOomKilled",
    "UnitOomdKilled",
    "UserspaceKillFact",
    "Writer",
    "author_of",
    "is_coredump_service",
    "parse_killer",
    "parse_killer_text",
    "parse_kubelet",
    "parse_reaped",
    "sentence_of_node_problem",
]
