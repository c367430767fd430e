"""
An OOM in the published event: whose memory ran out, who was killed for it, and who could have been.
"""

from dataclasses import dataclass

from sinks.event.words import Killer, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """
    The process whose allocation started the OOM killer; often not the victim.
    """

    pid: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """
    One process that an OOM killer killed.

    Attributes:
        thread_id: the thread of the process that the kernel named, if that was not its first one.
    """

    pid: int
    thread_id: int | None = None
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
        score_bytes: what the kernel compares: memory plus adjustment; None if the process may not be killed.
    """

    pid: int
    name: str | None = None
    rss_bytes: int
    oom_score_adj: int | None = None
    score_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Oom:
    """
    An OOM: whose memory ran out, which process triggered it, and which were killed.

    Attributes:
        limit_kind: which limit was reached, if not that of memory alone: `memory+swap` or `kmem`, on cgroup v1.
        choice: why this victim was chosen, in a sentence.
        candidates: at most ten processes, the likeliest victim first; None if the kernel did not list any.
    """

    scope: Scope | None = None
    killer: Killer
    constraint: str | None = None
    limit_cgroup: str | None = None
    victim_cgroup: str | None = None
    group: bool = False
    trigger: Trigger | None = None
    limit_bytes: int | None = None
    limit_kind: str | None = None
    usage_bytes: int | None = None
    victims: tuple[Victim, ...] = ()
    choice: str | None = None
    candidates: tuple[Candidate, ...] | None = None
