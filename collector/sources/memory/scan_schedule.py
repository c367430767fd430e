"""
Decide when to read the processes of a container.

They are read when the container is first seen, again soon after (by then the entry point has become the program), and
when its memory has grown, since it may run more workers now.
"""

from dataclasses import dataclass
from typing import Final

from collector.facts.memory import MemoryRoundFact, MemorySample

_NS_PER_S: Final = 1_000_000_000
_SECOND_SCAN_NS: Final = 10 * _NS_PER_S
_MIN_INTERVAL_NS: Final = 60 * _NS_PER_S
_GROWTH_FACTOR: Final = 1.5
# Spreads the scans of many containers that start together, as after a start of the agent.
_MAX_SCANS: Final = 8


@dataclass(slots=True, kw_only=True)
class _Scan:
    """
    The last scan of a container, and its working set then.
    """

    at_ns: int
    working_set_bytes: int
    count: int = 1


class ScanSchedule:
    """
    Selects the containers whose processes are due to be read.
    """

    def __init__(self) -> None:
        self._scans: dict[str, _Scan] = {}

    def due(self, samples: MemoryRoundFact, now_ns: int) -> list[MemorySample]:
        """
        Return the containers of a round to scan now, eight at most; the others stay due.

        Args:
            samples: a round of samples.
            now_ns: a monotonic clock.
        """
        for container_id in samples.gone:
            self._scans.pop(container_id, None)
        due = [sample for sample in samples.samples if self._is_due(sample, now_ns)][:_MAX_SCANS]
        for sample in due:
            before = self._scans.get(sample.container_id)
            self._scans[sample.container_id] = _Scan(
                at_ns=now_ns,
                working_set_bytes=sample.working_set_bytes,
                count=before.count + 1 if before is not None else 1,
            )
        return due

    def _is_due(self, sample: MemorySample, now_ns: int) -> bool:
        before = self._scans.get(sample.container_id)
        if before is None:
            return True
        age_ns = now_ns - before.at_ns
        if before.count == 1:
            return age_ns >= _SECOND_SCAN_NS
        return age_ns >= _MIN_INTERVAL_NS and sample.working_set_bytes >= _GROWTH_FACTOR * before.working_set_bytes
