"""
Add up who held the memory of a host, or of a cgroup above several containers, when it ran out.

A container holds at least its last working set, and at least what the kernel's task table shows of its processes. What
is outside of containers is the rest of the host's memory in use.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, TypeAlias

from collector.facts.memory import MemorySample
from collector.memory.culprit import Holder
from collector.memory.sample_ring import Point
from collector.memory.usage import GROWTH_WINDOW_NS
from parsers.proc_files import HostMemory

# The first and the last sample of a time.
Span: TypeAlias = tuple[Point, Point]

# The kernel log and the samples are on different clocks: a sample taken this shortly before a kill may show a process
# that was already dying and giving its memory back.
DYING_NS: Final = 100_000_000
# A running container is sampled every 15 s or more often; a host that runs out of memory may be slower.
FRESH_S: Final = 120.0
_NS_PER_S: Final = 1_000_000_000
# A container is sampled every 15 s, the host with any container. In between, what a container took seems to be outside.
_SETTLING_NS: Final = 60 * _NS_PER_S
_EVERY_NS: Final = 2 * _NS_PER_S
_LEVELS: Final = (GROWTH_WINDOW_NS + _SETTLING_NS) // _EVERY_NS


class OutsideUse:
    """
    The memory in use outside of containers over the last minutes: by the host's own processes and by the kernel.
    """

    def __init__(self) -> None:
        self._levels: deque[tuple[int, int]] = deque(maxlen=_LEVELS)
        self.host_bytes: int | None = None

    def feed(self, samples: Iterable[MemorySample], host: HostMemory | None, at_ns: int) -> None:
        """
        Take the host's memory and the latest samples of all running containers.
        """
        if host is None or host.total_bytes is None:
            return
        self.host_bytes = host.total_bytes
        if host.available_bytes is None or (self._levels and 0 <= at_ns - self._levels[-1][0] < _EVERY_NS):
            return
        inside = sum(sample.working_set_bytes for sample in samples)
        self._levels.append((at_ns, max(0, host.total_bytes - host.available_bytes - inside)))

    def holder(self, at_ns: int, victims_bytes: int = 0) -> tuple[Holder | None, int]:
        """
        Return what was held outside of containers before a time, and how much may be inside or outside.

        Args:
            at_ns: the time, wall clock.
            victims_bytes: what killed processes outside of containers held, by the kernel's log.

        Returns:
            The holder, None if nothing is known, and in bytes what may have been taken by containers since their last
            samples.
        """
        since_ns = at_ns - GROWTH_WINDOW_NS
        levels = [(level_ns, level) for level_ns, level in self._levels if since_ns <= level_ns <= at_ns - DYING_NS]
        recent = [level for level_ns, level in levels if level_ns >= at_ns - _SETTLING_NS]
        if not recent:
            held = Holder(container_id=None, held_bytes=victims_bytes) if victims_bytes else None
            return held, 0
        held_bytes = max(min(recent), victims_bytes)
        first_ns = levels[0][0]
        first_bytes = max(level for level_ns, level in levels if level_ns <= first_ns + _SETTLING_NS)
        known = first_ns < at_ns - _SETTLING_NS
        holder = Holder(
            container_id=None,
            held_bytes=held_bytes,
            grew_bytes=held_bytes - first_bytes if known else None,
            within_s=(at_ns - first_ns) / _NS_PER_S if known else None,
        )
        return holder, max(0, max(recent) - held_bytes)


def holder_of(
    container_id: str, span: Span | None, at_ns: int, *, began_ns: int | None, resident_bytes: int
) -> Holder | None:
    """
    Return what a container held at a time; None if nothing is known.

    Args:
        container_id: the container.
        span: the first and the last sample of the minutes before.
        at_ns: the time, wall clock.
        began_ns: the start of its run; None if unknown.
        resident_bytes: of its processes, by the kernel's task table; 0 if unknown.
    """
    if span is not None and began_ns is not None and span[1].at_s < began_ns / _NS_PER_S:
        # The samples are those of the run before.
        span = None
    held_bytes = max(span[1].working_set_bytes if span is not None else 0, resident_bytes)
    if not held_bytes:
        return None
    if began_ns is not None and at_ns - GROWTH_WINDOW_NS < began_ns <= at_ns:
        return Holder(
            container_id=container_id,
            held_bytes=held_bytes,
            grew_bytes=held_bytes,
            within_s=(at_ns - began_ns) / _NS_PER_S,
        )
    if span is None or span[0] == span[1]:
        return Holder(container_id=container_id, held_bytes=held_bytes)
    return Holder(
        container_id=container_id,
        held_bytes=held_bytes,
        grew_bytes=held_bytes - span[0].working_set_bytes,
        within_s=at_ns / _NS_PER_S - span[0].at_s,
    )


def is_below(cgroup: str, limit_cgroup: str | None) -> bool:
    """
    Return whether a cgroup is below another one, as the kernel names that; everything is below None and the root.

    In a cgroup namespace the agent sees only the end of the kernel's path.
    """
    if limit_cgroup is None or limit_cgroup == "/":
        return True
    above = cgroup.rpartition("/")[0]
    while above:
        if limit_cgroup.endswith(above):
            return True
        above = above.rpartition("/")[0]
    return False
