"""
What really happened in a simulated fleet.
"""

from dataclasses import dataclass
from enum import StrEnum


class TruthKind(StrEnum):
    """
    What happened. The first five are incidents; the others must not be taken for one.
    """

    REGRESSION = "regression"
    HOST_CAUSE = "host_cause"
    NEIGHBOUR = "neighbour"
    STORM = "storm"
    SILENT_HOST = "silent_host"
    CRASH_LOOP = "crash_loop"
    BAD_CANARY = "bad_canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """
    One thing that happened.

    Attributes:
        kind: what.
        from_s: when it began, in seconds from the start.
        until_s: when it was over.
        service: the service that it is about.
        digest: its version.
        ratio: how many times as often that version dies.
        hosts: where.
    """

    kind: TruthKind
    from_s: float
    until_s: float
    service: str | None = None
    digest: str | None = None
    ratio: float = 1.0
    hosts: tuple[str, ...] = ()
