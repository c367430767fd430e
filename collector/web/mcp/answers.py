"""
The answers of the tools, in the form in which the MCP SDK describes and sends them.

Each is short: a model pays for every word. Text from containers is in `untrusted_text` alone; all other texts are ids,
times, words of closed sets, and sentences of this package.

The answers themselves have no slots, because the SDK takes a slot for the default of its field.
"""

from dataclasses import dataclass

from collector.web.mcp.untrusted import NOTE, UntrustedNames, UntrustedProof


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """
    A kill, a death or a kernel event.

    Attributes:
        type: `oom_kill`, `container_death`, `kernel_event` or `agent`.
        cause: of a death.
        kind: of a kernel event or of an event about the agent.
        oom_scope: whose memory ran out: `container` (its own limit), `parent` (a cgroup above it) or `host`.
        victims: how many processes an OOM killer killed.
        victim_pids: of the first ten of them.
    """

    event_id: str | None
    type: str
    time: str | None
    container_id: str | None
    cause: str | None
    kind: str | None
    confidence: str | None
    exit_code: int | None
    signal: int | None
    oom_scope: str | None
    oom_killer: str | None
    limit_bytes: int | None
    victims: int
    victim_pids: list[int]
    untrusted_text: UntrustedNames


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSeen:
    """
    Evidence that is missing: while there is any, the absence of a kill proves nothing.
    """

    source: str | None
    what: str | None
    time: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningContainer:
    """
    A running container that may be OOM-killed.

    Attributes:
        reasons: `near_limit` (75 % of the limit or more), `reaches_limit` (within half an hour at this growth),
            `killed` (an OOM killer killed a process in it within the last 24 hours).
        limit_share: the working set divided by the limit.
        limit_in_s: when the limit will be reached at this growth; null if it does not clearly grow.
    """

    container_id: str | None
    reasons: list[str]
    limit_share: float | None
    working_set_bytes: int
    limit_bytes: int | None
    growth_bytes_per_min: float | None
    limit_in_s: float | None
    kills_in_last_day: int
    untrusted_text: UntrustedNames


@dataclass(frozen=True, kw_only=True)
class WhyAnswer:
    """
    Why a container died, or what was killed in it while it lives.

    Attributes:
        known: False if nothing is known of the container or process.
        settled: True if everything that happened before the question is known.
        awaited: what the agent still waits for, if the answer is not settled.
        state: `created`, `running`, `ended` or `unknown`.
        death: its last death; null if none is known.
        kills: the latest OOM kills in it.
        not_seen: missing evidence.
    """

    known: bool
    settled: bool
    awaited: list[str]
    state: str | None
    container_id: str | None
    death: Incident | None
    kills: list[Incident]
    kills_total: int
    kernel_events: list[Incident]
    kernel_events_total: int
    peak_bytes: int | None
    memory_trend: str | None
    not_seen: list[NotSeen]
    untrusted_text: UntrustedProof
    note: str = NOTE


@dataclass(frozen=True, kw_only=True)
class DeathsAnswer:
    """
    The latest deaths, newest first.

    Attributes:
        more: True if older deaths match.
    """

    deaths: list[Incident]
    more: bool
    note: str = NOTE


@dataclass(frozen=True, kw_only=True)
class RiskAnswer:
    """
    The running containers that may be OOM-killed, those next to their limits first.

    Attributes:
        running: how many containers run, as far as their memory is read.
        at_risk: how many of them may be killed; the list may be shorter.
    """

    running: int
    at_risk: int
    containers: list[RunningContainer]
    note: str = NOTE


@dataclass(frozen=True, kw_only=True)
class KernelLogAnswer:
    """
    What a kernel log reports.

    Attributes:
        found: how many kills and other events it reports; the list has the latest.
        unreadable_lines: how many lines speak of an OOM kill, if no kill could be read.
    """

    found: int
    incidents: list[Incident]
    unreadable_lines: int
    note: str = NOTE


@dataclass(frozen=True, kw_only=True)
class LimitAnswer:
    """
    The memory limit that a container should have.

    Attributes:
        recommended_limit_bytes: null if no limit helps, as with a leak; the advice then says what does.
        peak_bytes: the peak that it is based on.
        observed_s: for how long that peak was observed.
        runtime: the language runtime of the main program; null if unknown.
    """

    container_id: str | None
    recommended_limit_bytes: int | None
    limit_bytes: int | None
    working_set_bytes: int
    peak_bytes: int
    observed_s: float
    runtime: str | None
    untrusted_text: UntrustedProof
    note: str = NOTE
