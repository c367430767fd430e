"""
The lines of an OOM report that name a victim: who is chosen, who is killed, and who was about to exit anyway.

    Memory cgroup out of memory: Killed process 3974 (apk) total-vm:20600kB, anon-rss:7508kB, file-rss:…

Source: oom_kill_process and __oom_kill_process in mm/oom_kill.c.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from parsers.oom_facts import OomMessage
from parsers.oom_table import KIB, bytes_of

_MESSAGES: Final = {message.value.lower(): message for message in OomMessage}
_MESSAGE: Final = "(?P<message>(?i:" + "|".join(re.escape(message) for message in OomMessage) + "))"
_CHOSEN: Final = re.compile(
    _MESSAGE + r": Kill process (?P<pid>[0-9]{1,10}) \((?P<comm>.*)\) score -?[0-9]+ "
    r"(?:or sacrifice child|and children\.?)\s*",
    re.DOTALL,
)
_KILLED: Final = re.compile(
    rf"(?:{_MESSAGE}: )?Killed process (?P<pid>[0-9]{{1,10}})(?:, UID (?P<uid>[0-9]{{1,10}}),)? "
    r"\((?P<comm>.*)\)(?:, UID (?P<uid_after>[0-9]{1,10}))?(?:,? (?P<sizes>total-vm:.*)|[,.]?\s*)",
    re.DOTALL,
)
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
    """

    message: OomMessage | None
    pid: int
    comm: str
    uid: int | None
    oom_score_adj: int | None
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyExiting:
    """
    `OOM victim N (comm) is already exiting. Skip killing the task`: no kill.
    """

    pid: int


def parse_chosen(text: str) -> Chosen | None:
    """
    A choice.
    """
    match = _CHOSEN.fullmatch(text)
    if match is None:
        return None
    return Chosen(message=_MESSAGES[match["message"].lower()], pid=int(match["pid"]), comm=match["comm"])


def parse_killed(text: str) -> Killed | None:
    """
    A kill, with the sizes that are there.
    """
    match = _KILLED.fullmatch(text)
    if match is None:
        return None
    figures = match["sizes"] or ""
    uid, adj = _UID.search(figures), _ADJ.search(figures)
    return Killed(
        message=_MESSAGES[match["message"].lower()] if match["message"] else None,
        pid=int(match["pid"]),
        comm=match["comm"],
        uid=_number(match["uid"] or match["uid_after"] or (uid[1] if uid else None)),
        oom_score_adj=_number(adj[1] if adj else None),
        sizes=_sizes(figures),
    )


def parse_exiting(text: str) -> AlreadyExiting | None:
    """
    A victim that needs no kill.
    """
    match = _EXITING.fullmatch(text)
    return AlreadyExiting(pid=int(match["pid"])) if match else None


def has_all_sizes(text: str) -> bool:
    """
    Whether a kill is there to its end.
    """
    match = _KILLED.fullmatch(text)
    return match is not None and _WHOLE_SIZES.fullmatch(match["sizes"] or "") is not None


def _number(digits: str | None) -> int | None:
    return int(digits) if digits is not None else None


def _sizes(figures: str) -> dict[str, int]:
    """
    In bytes; early releases of 5.4 print `pgtables` in bytes and call them kB: more than the process maps.
    """
    read = ((name, bytes_of(value)) for name, value in _SIZE.findall(figures))
    sizes = {name: size for name, size in read if size is not None}
    if sizes.get("pgtables", 0) > sizes.get("total-vm", 0):
        sizes["pgtables"] //= KIB
    return sizes
