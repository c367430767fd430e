"""
What a run keeps of an OOM kill.
"""

from dataclasses import dataclass

from parsers.killers import Author
from sinks.event import EvidenceSource, Killer, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class KillInRun:
    """
    An OOM kill of a process of the run, as it was published.

    Attributes:
        pid: as the kernel named it.
        process_pid: the process, where the kernel named a thread of it; None where nothing distinguishes them.
        signal: the name of the signal that a program sent; None for SIGKILL.
        author: the program that reported it; None for the kernel.
    """

    event_id: str
    at_ns: int | None
    pid: int
    comm: str | None
    main_process: bool | None
    killer: Killer
    scope: Scope | None
    limit_bytes: int | None
    source: EvidenceSource
    text: str
    limit_kind: str = "memory"
    process_pid: int | None = None
    signal: str | None = None
    author: Author | None = None
