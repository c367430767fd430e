"""
Parse the lines of an OOM report that name a victim: chosen, killed, or already exiting.

    Memory cgroup out of memory: Killed process 3974 (apk) total-vm:20600kB, anon-rss:7508kB, file-rss:…

Source: oom_kill_process and __oom_kill_process in mm/oom_kill.c.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from parsers.oom.facts import KernelLine, OomMessage, OomVictim
from parsers.oom.table import KIB, bytes_of

_MESSAGES: Final = {message.value.lower(): message for message in OomMessage}
_MESSAGE: Final = "(?P<message>(?i:" + "|".join(re.escape(message) for message in OomMessage) + "))"
_CHOSEN: Final = re.compile(
    _MESSAGE + r": Kill process (?P<pid>[0-9]{1,10}) \((?P<comm>.*)\) score -?[0-9]+ "
    r"(?:or sacrifice child|and children\.?)\s*",
    re.DOTALL,
)
_KILLED: Final = re.compile(
    rf"(?:{_MESSAGE}: )?Killed process (?P<pid>[0-9]{{1,10}})(?:, UID (?P<uid>[0-9]{{1,10}}),)? "
    r"\((?P<comm>.*)\)(?:, UID (?P<uid_after>[0-9]{1,10}))?"
    # People leave out some sizes, or all.
    r"(?:,?\s+(?P<sizes>total-vm:.*|(?:\[?\.\.\.\]?|…),?\s+[a-z_-]+:-?[0-9].*)|[,.]?\s*(?:\.\.\.|…|>)?\s*)",
    re.DOTALL,
)
# The same line, cut off after the pid or within the name.
_KILLED_CUT: Final = re.compile(
    rf"(?:{_MESSAGE}: )?Killed process (?P<pid>[0-9]{{1,10}}) \((?P<comm>[^()\n]{{0,15}})(?:>|…|\.\.\.)?\s*"
)
# OpenVZ kernels (RHEL 6) count the memory of a container in a user beancounter.
_KILLED_IN_UB: Final = re.compile(
    r"Out of memory in UB (?P<ub>[0-9]{1,10}): OOM killed process (?P<pid>[0-9]{1,10}) \((?P<comm>.*)\) score -?[0-9]+ "
    r"(?P<sizes>vm:.*)",
    re.DOTALL,
)
# What people write below a kill line that they shortened.
_MEMCG: Final = re.compile(r"\b(oom_memcg|task_memcg)=(/(?:(?!\.\.\.|…)[^,\s])*)")
_SIZE: Final = re.compile(r"([a-z-]+):([0-9]{1,19})kB")
_UID: Final = re.compile(r"UID:([0-9]{1,10})")
_ADJ: Final = re.compile(r"oom_score_adj:(-?[0-9]{1,4})")
_WHOLE_SIZES: Final = re.compile(
    r"total-vm:[0-9]+kB(?:, [a-z-]+:[0-9]+kB)+(?:, UID:[0-9]+)?"
    r"(?: pgtables:[0-9]+kB)?(?: oom_score_adj:-?[0-9]+)?\s*"
)
_EXITING: Final = re.compile(
    _MESSAGE + r": OOM victim (?P<pid>[0-9]{1,10}) \(.*\) is already exiting\. Skip killing the task\s*",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """
    `Kill process N (comm) score S or sacrifice child` (before 5.1): a choice, not yet a kill.
    """

    message: OomMessage
    pid: int
    comm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """
    `Killed process N (comm) …`: a kill.

    Attributes:
        sizes: `total-vm`, `anon-rss`, … in bytes.
        comm: empty if it was cut off.
        oom_memcg: the cgroup at its limit, where a person wrote it below the line; likewise `task_memcg`.
        beancounter: the number of OpenVZ's container whose memory ran out; 0 is the host.
    """

    message: OomMessage | None
    pid: int
    comm: str
    uid: int | None
    oom_score_adj: int | None
    sizes: Mapping[str, int]
    oom_memcg: str | None = None
    task_memcg: str | None = None
    beancounter: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyExiting:
    """
    `OOM victim N (comm) is already exiting. Skip killing the task`: not a kill.
    """

    pid: int


def parse_chosen(text: str) -> Chosen | None:
    """
    Parse the choice of a victim.
    """
    match = _CHOSEN.fullmatch(text)
    if match is None:
        return None
    return Chosen(message=_MESSAGES[match["message"].lower()], pid=int(match["pid"]), comm=match["comm"])


def parse_killed(text: str) -> Killed | None:
    """
    Parse a kill line, with the sizes that it has.
    """
    match = _KILLED.fullmatch(text)
    if match is None:
        return _killed_in_beancounter(text) or _killed_cut(text)
    figures = match["sizes"] or ""
    uid, adj = _UID.search(figures), _ADJ.search(figures)
    memcg = dict(_MEMCG.findall(figures))
    return Killed(
        message=_MESSAGES[match["message"].lower()] if match["message"] else None,
        pid=int(match["pid"]),
        comm=match["comm"],
        uid=_number(match["uid"] or match["uid_after"] or (uid[1] if uid else None)),
        oom_score_adj=_number(adj[1] if adj else None),
        sizes=_sizes(figures),
        oom_memcg=memcg.get("oom_memcg"),
        task_memcg=memcg.get("task_memcg"),
    )


def _killed_cut(text: str) -> Killed | None:
    match = _KILLED_CUT.fullmatch(text)
    if match is None:
        return None
    return Killed(
        message=_MESSAGES[match["message"].lower()] if match["message"] else None,
        pid=int(match["pid"]),
        comm="",
        uid=None,
        oom_score_adj=None,
        sizes={},
    )


def _killed_in_beancounter(text: str) -> Killed | None:
    match = _KILLED_IN_UB.fullmatch(text)
    if match is None:
        return None
    beancounter = int(match["ub"])
    sizes = _sizes(match["sizes"])
    return Killed(
        message=OomMessage.MEMCG if beancounter else OomMessage.GLOBAL,
        pid=int(match["pid"]),
        comm=match["comm"],
        uid=None,
        oom_score_adj=None,
        sizes={"total-vm": sizes["vm"]} if "vm" in sizes else {},
        beancounter=beancounter,
    )


def victim_of_kill(fact: Killed, line: KernelLine) -> OomVictim:
    """
    Return the victim of a kill line.
    """
    return OomVictim(
        pid=fact.pid,
        comm=fact.comm,
        confirmed=True,
        uid=fact.uid,
        total_vm_bytes=fact.sizes.get("total-vm"),
        anon_rss_bytes=fact.sizes.get("anon-rss"),
        file_rss_bytes=fact.sizes.get("file-rss"),
        shmem_rss_bytes=fact.sizes.get("shmem-rss"),
        pgtables_bytes=fact.sizes.get("pgtables"),
        oom_score_adj=fact.oom_score_adj,
        monotonic_us=line.monotonic_us,
        at_ns=line.at_ns,
        text=line.text,
    )


def parse_exiting(text: str) -> AlreadyExiting | None:
    """
    Parse the line about a victim that is already exiting.
    """
    match = _EXITING.fullmatch(text)
    return AlreadyExiting(pid=int(match["pid"])) if match else None


def has_all_sizes(text: str) -> bool:
    """
    Return whether a kill line is complete to its end.
    """
    match = _KILLED.fullmatch(text)
    return match is not None and _WHOLE_SIZES.fullmatch(match["sizes"] or "") is not None


def _number(digits: str | None) -> int | None:
    return int(digits) if digits is not None else None


def _sizes(figures: str) -> dict[str, int]:
    """
    Return the sizes in bytes.

    Early releases of 5.4 print `pgtables` in bytes and call them kB, which gives more than the process maps.
    """
    read = ((name, bytes_of(value)) for name, value in _SIZE.findall(figures))
    sizes = {name: size for name, size in read if size is not None}
    if sizes.get("pgtables", 0) > sizes.get("total-vm", 0):
        sizes["pgtables"] //= KIB
    return sizes
