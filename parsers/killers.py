"""
Lines of the journal that tell of OOM kills outside the kernel log: systemd, systemd-oomd, earlyoom, oomd.

Anyone may write such words to the journal, so an entry counts only where a field that journald itself wrote
says who sent it. Pasted text has no such fields; `parse_killer_text` believes the name in front of the line.

    docker-4e1d….scope: A process of this unit has been killed by the OOM killer.
    Killed /system.slice/docker-4e1d….scope due to memory pressure for /system.slice being 68.13% > 60.00% …
    sending SIGTERM to process 7378 uid 1000 "tail": oom_score 156, VmRSS 4962 MiB
    oomd kill: 7.11 3.00 1.20 system.slice/x.service 4096 ruleset:[a] detectorgroup:[b] killer:[kill_by_…] v2
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from parsers.cgroup_path import ContainerRef, container_of, container_of_unit
from parsers.journal import JournalEntry
from parsers.untyped import int_of

UNIT_OUT_OF_MEMORY: Final = "fe6faa94e7774663a0da52717891d8ef"
SYSTEMD_OOMD_UNIT: Final = "systemd-oomd.service"
EARLYOOM_UNIT: Final = "earlyoom.service"
EARLYOOM_COMM: Final = "earlyoom"

_SYSTEMD_EXES: Final = frozenset({"/usr/lib/systemd/systemd", "/lib/systemd/systemd"})
_USER_FACILITY: Final = 1
_MIB: Final = 1 << 20

_UNIT_OOM_KILLED: Final = re.compile(r"(?P<unit>\S+): A process of this unit has been killed by the OOM killer\.")
_UNIT_OOMD_KILLED: Final = re.compile(
    r"(?P<unit>\S+): systemd-oomd killed (?:[0-9]+|some) process\(es\) in this unit\."
)
_SYSTEMD_OOMD: Final = re.compile(
    r"(?:Killed|Marked) (?P<cgroup>/.+?)(?: for killing)? due to (?:memory pressure for|memory used \().*",
    re.DOTALL,
)
# A comm has 15 bytes at most; the command line that follows is the process's own words: not searched.
_EARLYOOM: Final = re.compile(
    r"sending (?P<signal>SIG[A-Z]+) to process (?P<pid>[0-9]+)(?: uid (?P<uid>[0-9]+))?"
    r' "(?P<comm>.{0,15}?)": (?:oom_score|badness) -?[0-9]+'
    r"(?:, oom_score_adj -?[0-9]+)?(?:, VmRSS (?P<rss_mib>[0-9]+) MiB)?",
    re.DOTALL,
)
_OOMD: Final = re.compile(
    r"oomd kill: (?:[0-9.]+ ){3}(?P<cgroup>\S.*?) [0-9]+ ruleset:\[.*killer:\[(?!\(dry\)).*", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOomKilled:
    """
    systemd saw the kernel's OOM killer at work in a unit; the kernel log has the details.

    Attributes:
        container: the container whose scope the unit is.
        at_ns: nanoseconds since 1970; None for text that does not tell.
    """

    unit: str
    container: ContainerRef | None
    at_ns: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOomdKilled:
    """
    systemd saw that systemd-oomd had killed processes of a unit.
    """

    unit: str
    container: ContainerRef | None
    at_ns: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemdOomdKill:
    """
    systemd-oomd killed a cgroup, or marked it and kills it next.
    """

    cgroup: str
    container: ContainerRef | None
    at_ns: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyoomKill:
    """
    earlyoom sent a signal to a process: SIGTERM first, SIGKILL where that does not help.

    Attributes:
        signal: its name.
        rss_bytes: VmRSS as earlyoom saw it.
    """

    pid: int
    uid: int | None
    comm: str
    rss_bytes: int | None
    signal: str
    at_ns: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OomdKill:
    """
    oomd (of Facebook) killed a cgroup; a dry run is no kill.
    """

    cgroup: str
    container: ContainerRef | None
    at_ns: int | None
    text: str


KillerFact = UnitOomKilled | UnitOomdKilled | SystemdOomdKill | EarlyoomKill | OomdKill


class Writer(StrEnum):
    """
    The programs whose words count here.
    """

    SYSTEMD = "systemd"
    SYSTEMD_OOMD = "systemd-oomd"
    EARLYOOM = "earlyoom"
    OOMD = "oomd"


def parse_killer(entry: JournalEntry) -> KillerFact | None:
    """
    The kill that an entry tells of; None for all other entries, those of untrusted senders included.
    """
    writer = _writer_of(entry)
    return _read(writer, entry.message, entry.at_ns) if writer is not None else None


def parse_killer_text(text: str, identifier: str | None, at_ns: int | None = None) -> KillerFact | None:
    """
    The same for pasted text, where nothing proves who wrote a line.

    Args:
        text: the message without its prefix.
        identifier: the name in the prefix, with or without `[pid]`; None where there was none.
        at_ns: the time in the prefix, nanoseconds since 1970, if it has one with its zone.
    """
    name = (identifier or "").partition("[")[0]
    if name in ("", "kernel"):
        return _oomd(text, at_ns)
    return _read(Writer(name), text, at_ns) if name in Writer.__members__.values() else None


def _writer_of(entry: JournalEntry) -> Writer | None:
    """
    Who wrote an entry, by what journald says of the sender.
    """
    if entry.systemd_unit == SYSTEMD_OOMD_UNIT:
        return Writer.SYSTEMD_OOMD
    if entry.systemd_unit == EARLYOOM_UNIT or (entry.uid == 0 and entry.comm == EARLYOOM_COMM):
        return Writer.EARLYOOM
    if entry.transport == "kernel":
        return Writer.OOMD if entry.facility == _USER_FACILITY else None
    if entry.pid == 1 or (entry.exe in _SYSTEMD_EXES and entry.user_unit is not None):
        return Writer.SYSTEMD
    return None


def _read(writer: Writer, text: str, at_ns: int | None) -> KillerFact | None:
    match writer:
        case Writer.SYSTEMD:
            return _systemd(text, at_ns)
        case Writer.SYSTEMD_OOMD:
            return _systemd_oomd(text, at_ns)
        case Writer.EARLYOOM:
            return _earlyoom(text, at_ns)
        case Writer.OOMD:
            return _oomd(text, at_ns)
        case _:
            assert_never(writer)


def _systemd(text: str, at_ns: int | None) -> UnitOomKilled | UnitOomdKilled | None:
    by_kernel = _UNIT_OOM_KILLED.fullmatch(text)
    if by_kernel is not None:
        unit = by_kernel["unit"]
        return UnitOomKilled(unit=unit, container=container_of_unit(unit), at_ns=at_ns, text=text)
    by_oomd = _UNIT_OOMD_KILLED.fullmatch(text)
    if by_oomd is not None:
        unit = by_oomd["unit"]
        return UnitOomdKilled(unit=unit, container=container_of_unit(unit), at_ns=at_ns, text=text)
    return None


def _systemd_oomd(text: str, at_ns: int | None) -> SystemdOomdKill | None:
    match = _SYSTEMD_OOMD.fullmatch(text)
    if match is None:
        return None
    cgroup = match["cgroup"]
    return SystemdOomdKill(cgroup=cgroup, container=container_of(cgroup), at_ns=at_ns, text=text)


def _earlyoom(text: str, at_ns: int | None) -> EarlyoomKill | None:
    match = _EARLYOOM.match(text)
    pid = int_of(match["pid"]) if match is not None else None
    if match is None or pid is None:
        return None
    rss_mib = int_of(match["rss_mib"])
    return EarlyoomKill(
        pid=pid,
        uid=int_of(match["uid"]),
        comm=match["comm"],
        rss_bytes=rss_mib * _MIB if rss_mib is not None else None,
        signal=match["signal"],
        at_ns=at_ns,
        text=text,
    )


def _oomd(text: str, at_ns: int | None) -> OomdKill | None:
    match = _OOMD.fullmatch(text)
    if match is None:
        return None
    cgroup = match["cgroup"]
    return OomdKill(cgroup=cgroup, container=container_of(cgroup), at_ns=at_ns, text=text)
