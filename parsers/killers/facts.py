"""
Define the facts that programs state about OOM kills, each with the sentence that states it.
"""

from dataclasses import dataclass
from typing import Final

from parsers.cgroup_path import ContainerRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """
    Who wrote a sentence, as far as that is proven.

    Attributes:
        name: of the program; a user's manager is named with its user.
        doubt: what is not proven, as a sentence; None where journald vouches for the program.
        pid: as journald vouches for it.
        within: the cgroup of a user's manager, which may speak of what is below it; None for the whole host.
    """

    name: str
    doubt: str | None = None
    pid: int | None = None
    within: str | None = None


NOBODY_KNOWN: Final = Author(name="unknown", doubt="Nothing proves which program wrote this line.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stated:
    """
    A sentence of a program.

    Attributes:
        at_ns: nanoseconds since 1970; None if the text has no such time.
        author: who wrote it.
    """

    at_ns: int | None
    text: str
    author: Author = NOBODY_KNOWN

    @property
    def occurred_at_ns(self) -> int | None:
        """The time of the journal entry; None for text without a time."""
        return self.at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOomKilled(_Stated):
    """
    systemd noticed that the kernel's OOM killer killed a process of a unit; the kernel log has the details.

    Attributes:
        container: the container whose scope the unit is, if any.
    """

    unit: str
    container: ContainerRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOomdKilled(_Stated):
    """
    systemd noticed that systemd-oomd killed processes of a unit.
    """

    unit: str
    container: ContainerRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemdOomdKill(_Stated):
    """
    systemd-oomd killed a cgroup, or marked it to kill it next.
    """

    cgroup: str
    container: ContainerRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyoomKill(_Stated):
    """
    earlyoom sent a signal to a process: SIGTERM first, then SIGKILL if that does not help.

    Attributes:
        signal: its name.
        rss_bytes: VmRSS as earlyoom measured it.
    """

    pid: int
    uid: int | None
    comm: str
    rss_bytes: int | None
    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NohangKill(_Stated):
    """
    nohang sent a signal to a process.

    Attributes:
        signal: its name.
    """

    pid: int
    comm: str
    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OomdKill(_Stated):
    """
    Facebook's oomd killed a cgroup; a dry run does not count.
    """

    cgroup: str
    container: ContainerRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TalosKill(_Stated):
    """
    The OOM controller of Talos Linux killed a cgroup, usually a pod's.
    """

    cgroup: str
    container: ContainerRef | None


# The kills that the kernel does not report, because a program decided them.
UserspaceKillFact = UnitOomdKilled | SystemdOomdKill | EarlyoomKill | NohangKill | OomdKill | TalosKill
KillerFact = UnitOomKilled | UserspaceKillFact
