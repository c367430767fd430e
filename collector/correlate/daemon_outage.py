"""
When the Docker daemon did not answer, and whether that can explain the end of a run.
"""

from dataclasses import dataclass
from typing import Final

# An outage of the daemon explains an end that is no farther from it than this.
_NEAR_NS: Final = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonOutage:
    """
    When the Docker daemon last stopped answering, and when it answered again.
    """

    down_ns: int | None = None
    up_ns: int | None = None

    def near(self, ended_ns: int | None) -> "DaemonOutage":
        """
        Return this outage if it can have to do with an end; else an empty one.

        Args:
            ended_ns: the end of a run, wall clock.
        """
        if self.down_ns is None or ended_ns is None:
            return DaemonOutage()
        began_before_end = self.down_ns <= ended_ns + _NEAR_NS
        lasted_until_end = self.up_ns is None or self.up_ns + _NEAR_NS >= ended_ns
        return self if began_before_end and lasted_until_end else DaemonOutage()
