"""
One OOM in the published event: whose memory ran out, who was killed for it, and who might have been.
"""

from dataclasses import dataclass

from sinks.event.words import Killer, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """
    The process whose allocation failed; it need not be the victim.
    """

    pid: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """
    One process that an OOM killer killed.
    """

    pid: int
    name: str | None = None
    container_id: str | None = None
    main_process: bool | None = None
    anon_rss_bytes: int | None = None
    file_rss_bytes: int | None = None
    shmem_rss_bytes: int | None = None
    total_vm_bytes: int | None = None
    oom_score_adj: int | None = None
    uid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """
    A process that the kernel could have chosen.

    Attributes:
        score_bytes: what it compares: resident memory and adjustment; None where the process may not be killed.
    """

    pid: int
    name: str | None = None
    rss_bytes: int
    oom_score_adj: int | None = None
    score_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Oom:
    """
    One OOM: whose memory ran out, who asked for more, and who died for it.

    Attributes:
        choice: why this victim, in a sentence.
        candidates: the processes that were there, the likeliest victim first, ten at most; None where not told.
    """

    scope: Scope | None = None
    killer: Killer
    constraint: str | None = None
    limit_cgroup: str | None = None
    victim_cgroup: str | None = None
    group: bool = False
    trigger: Trigger | None = None
    limit_bytes: int | None = None
    usage_bytes: int | None = None
    victims: tuple[Victim, ...] = ()
    choice: str | None = None
    candidates: tuple[Candidate, ...] | None = None
