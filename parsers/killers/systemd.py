"""
Parse the sentences of systemd and systemd-oomd about OOM kills, of every version.

The ids of the messages have been the same since systemd 235 and 247, the words changed: so the id decides where an
entry has one, and the words where it has none. Source: src/core/unit.c, src/oom/oomd-manager.c, sd-messages.h.

    docker-4e1d….scope: A process of this unit has been killed by the OOM killer.
    docker-4e1d….scope: The kernel OOM killer killed some processes in this unit.
    docker-4e1d….scope: systemd-oomd killed 3 process(es) in this unit.
    Killed /system.slice/docker-4e1d….scope due to memory pressure for /system.slice being 68.13% > 60.00% …
    Marked /system.slice/docker-4e1d….scope for killing due to memory used (15) / total (16) and swap used …
    Rule 'web' conditions met for cgroup /system.slice/docker-4e1d….scope for 20s, taking action kill-all
"""

import re
from typing import Final

from parsers.cgroup_path import container_of, container_of_unit
from parsers.killers.facts import SystemdOomdKill, UnitOomdKilled, UnitOomKilled

# SD_MESSAGE_UNIT_OUT_OF_MEMORY and SD_MESSAGE_UNIT_OOMD_KILL in systemd's sd-messages.h.
UNIT_OUT_OF_MEMORY: Final = "fe6faa94e7774663a0da52717891d8ef"
UNIT_OOMD_KILL: Final = "d989611b15e44c9dbf31e3c81256e4ed"

_PROCESSES: Final = r"process(?:es|\(es\))?"
_BY_KERNEL: Final = re.compile(
    r"(?P<unit>\S+): (?:A process of this unit has been killed by the OOM killer"
    rf"|The kernel OOM killer killed \S+ {_PROCESSES}(?: (?:in|of) this unit)?)\.?\s*"
)
_BY_OOMD: Final = re.compile(rf"(?P<unit>\S+): systemd-oomd killed \S+ {_PROCESSES}(?: (?:in|of) this unit)?\.?\s*")
_UNIT: Final = re.compile(r"(?P<unit>\S+): ")
# People shorten the path, from the left: `…/app.slice/x.scope`.
_CGROUP: Final = r"(?P<cgroup>(?:/|…|\.\.\.)\S.*?)"
_KILLED: Final = re.compile(rf"Killed {_CGROUP}\s+due to (?:memory pressure for|(?:memory|swap) used \().*", re.DOTALL)
_MARKED: Final = re.compile(rf"Marked {_CGROUP} for killing(?:\s+due to .*)?", re.DOTALL)
# Rules (since 261) name the cgroup that they watch. Only kill-all kills that one; the others choose one below it, or
# none, and another line names it (ruleset_execute_action).
_RULE: Final = re.compile(
    r"Rule '.*?' conditions met for cgroup (?P<cgroup>(?:/|…|\.\.\.)[^\s,]*)(?:[ ,].*)?,? taking action '?kill-all\b.*",
    re.DOTALL,
)


def parse_unit_entry(
    message: str, message_id: str | None, unit: str | None, at_ns: int | None
) -> UnitOomKilled | UnitOomdKilled | None:
    """
    Parse an entry of systemd about a unit.

    Args:
        message: its text.
        message_id: 32 hex digits; decides whatever the text says.
        unit: the unit that the entry's fields name, if any.
        at_ns: its time.
    """
    if message_id not in (UNIT_OUT_OF_MEMORY, UNIT_OOMD_KILL):
        return parse_unit_text(message, at_ns)
    match = _UNIT.match(message)
    name = unit or (match["unit"] if match is not None else None)
    if name is None:
        return None
    fact = UnitOomKilled if message_id == UNIT_OUT_OF_MEMORY else UnitOomdKilled
    return fact(unit=name, container=container_of_unit(name), at_ns=at_ns, text=message)


def parse_unit_text(text: str, at_ns: int | None) -> UnitOomKilled | UnitOomdKilled | None:
    """
    Parse a sentence of systemd about a unit by its words.
    """
    if "OOM killer" not in text and "systemd-oomd" not in text:
        return None
    by_kernel = _BY_KERNEL.fullmatch(text)
    if by_kernel is not None:
        unit = by_kernel["unit"]
        return UnitOomKilled(unit=unit, container=container_of_unit(unit), at_ns=at_ns, text=text)
    by_oomd = _BY_OOMD.fullmatch(text)
    if by_oomd is not None:
        unit = by_oomd["unit"]
        return UnitOomdKilled(unit=unit, container=container_of_unit(unit), at_ns=at_ns, text=text)
    return None


def parse_systemd_oomd(text: str, at_ns: int | None) -> SystemdOomdKill | None:
    """
    Parse a kill by systemd-oomd; candidates and rules that leave open what to kill are not kills.
    """
    match = _KILLED.fullmatch(text) or _MARKED.fullmatch(text) or _RULE.fullmatch(text)
    if match is None:
        return None
    cgroup = match["cgroup"]
    return SystemdOomdKill(cgroup=cgroup, container=container_of(cgroup), at_ns=at_ns, text=text)
