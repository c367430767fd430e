"""
When to look at the processes of a container: at its first sight, soon after (an entry point has become the program by
then), and when its memory has grown, since it may run more workers now.
"""

from dataclasses import dataclass
from typing import Final

from collector.correlate.memory_facts import MemoryRound, MemorySample

_NS_PER_S: Final = 1_000_000_000
_AGAIN_NS: Final = 10 * _NS_PER_S
_SELDOM_NS: Final = 60 * _NS_PER_S
_GROWN: Final = 1.5
_AT_ONCE: Final = 8


@dataclass(slots=True, kw_only=True)
class _Looked:
    """
    The last look at a container, and how much it used then.
    """

    at_ns: int
    working_set_bytes: int
    looks: int = 1


class Looks:
    """
    Who is to be looked at.
    """

    def __init__(self) -> None:
        self._looked: dict[str, _Looked] = {}

    def due(self, told: MemoryRound, now_ns: int) -> list[MemorySample]:
        """
        The containers of a round whose processes are to be read now, a few at the most; the others come later.

        Args:
            told: a round of samples.
            now_ns: a clock that only goes forward.
        """
        for container_id in told.gone:
            self._looked.pop(container_id, None)
        due = [sample for sample in told.samples if self._is_due(sample, now_ns)][:_AT_ONCE]
        for sample in due:
            before = self._looked.get(sample.container_id)
            self._looked[sample.container_id] = _Looked(
                at_ns=now_ns,
                working_set_bytes=sample.working_set_bytes,
                looks=before.looks + 1 if before is not None else 1,
            )
        return due

    def _is_due(self, sample: MemorySample, now_ns: int) -> bool:
        before = self._looked.get(sample.container_id)
        if before is None:
            return True
        age_ns = now_ns - before.at_ns
        if before.looks == 1:
            return age_ns >= _AGAIN_NS
        return age_ns >= _SELDOM_NS and sample.working_set_bytes >= _GROWN * before.working_set_bytes
