"""
What limit a container should have, with its working, and which of its settings work against it.
"""

from dataclasses import dataclass
from typing import Final

from collector.correlate.wording import size
from collector.memory.runtimes import OVERHEAD_BYTES, Language
from collector.memory.sentences import duration
from collector.memory.shape import Shape, Trend
from parsers.docker_inspect import ContainerSnapshot
from sinks.event import Advice

_MIB: Final = 1 << 20
_STEP_BYTES: Final = 16 * _MIB
_S_PER_DAY: Final = 86_400.0
_S_PER_MIN: Final = 60.0
_LONG_SEEN_DAYS: Final = 2.0
_HEADROOM: Final = 1.5
_UNSURE_HEADROOM: Final = 2.0
_HOST_PART: Final = 0.8
_PROTECTED: Final = -500


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """
    What is known of a container's need for memory.

    Attributes:
        peak_bytes: the highest working set that was seen; after a kill at least the limit.
        seen_s: for how long it was observed.
        limit_bytes: None where it has none.
        shape: of its curve.
        language: the runtime of its main process.
        host_bytes: all memory of the host.
        killed: it was killed at its limit, so that it needed more than its peak.
    """

    peak_bytes: int
    seen_s: float
    limit_bytes: int | None
    shape: Shape
    language: Language | None = None
    host_bytes: int | None = None
    killed: bool = False


def limit_advice(seen: Observation) -> Advice:
    """
    The limit that a container should have; for a leak, what a higher one would buy.
    """
    if seen.shape.trend is Trend.LEAK:
        return _of_leak(seen)
    if seen.shape.trend is Trend.CACHE:
        reason = "What fills the limit is cached pages of files; the kernel drops them when memory is needed."
        return Advice(kind="limit", text="Leave the limit as it is.", reason=reason, unless="reads have become slow")
    wanted = _wanted_bytes(seen)
    cap = int(seen.host_bytes * _HOST_PART) if seen.host_bytes is not None else None
    value = wanted if cap is None else min(wanted, cap)
    text = f"Set the limit to {size(value)}."
    if value < wanted:
        text = f"Set the limit to {size(value)}: it should be {size(wanted)}, but the host has {size(seen.host_bytes)}."
    elif seen.limit_bytes is not None and not seen.killed and _fits(wanted, seen):
        text, value = f"The limit of {size(seen.limit_bytes)} fits.", seen.limit_bytes
    return Advice(kind="limit", value=value, cap=cap, text=text, reason=_working(seen), unless=_UNLESS)


def setting_advice(snapshot: ContainerSnapshot) -> list[Advice]:
    """
    What in a container's settings for memory works against it.
    """
    found = (_reservation(snapshot), _swap(snapshot), _score(snapshot), _kill_disable(snapshot))
    return [advice for advice in found if advice is not None]


_UNLESS: Final = "it leaks, or a single request takes it far beyond its usual need: then no limit is large enough"


def _wanted_bytes(seen: Observation) -> int:
    overhead = OVERHEAD_BYTES.get(seen.language, 0) if seen.language is not None else 0
    wanted = int(seen.peak_bytes * _headroom(seen)) + overhead
    return -(-wanted // _STEP_BYTES) * _STEP_BYTES


def _headroom(seen: Observation) -> float:
    return _HEADROOM if seen.seen_s >= _LONG_SEEN_DAYS * _S_PER_DAY else _UNSURE_HEADROOM


def _fits(wanted_bytes: int, seen: Observation) -> bool:
    """
    Whether the limit is neither too small nor, as far as enough days tell, twice too large.
    """
    limit = seen.limit_bytes or 0
    long_seen = seen.seen_s >= _LONG_SEEN_DAYS * _S_PER_DAY
    return limit >= wanted_bytes and (not long_seen or limit <= 2 * wanted_bytes)


def _working(seen: Observation) -> str:
    days = seen.seen_s / _S_PER_DAY
    seen_for = f"{days:.1f} days" if days >= 1 else duration(seen.seen_s)
    overhead = OVERHEAD_BYTES.get(seen.language) if seen.language is not None else None
    plus = f" plus {size(overhead)} that {seen.language} needs beside its heap" if overhead and seen.language else ""
    least = "at least " if seen.killed else ""
    short = ", since it was observed for less than two days" if _headroom(seen) > _HEADROOM else ""
    return (
        f"{_headroom(seen):g} times its peak of {least}{size(seen.peak_bytes)} in {seen_for}{plus}{short};"
        f" rounded up to {size(_STEP_BYTES)}."
    )


def _of_leak(seen: Observation) -> Advice:
    """
    Twice the limit lasts as much longer as it takes to fill the second half.
    """
    per_min = seen.shape.growth_bytes_per_min
    if not per_min or seen.limit_bytes is None:
        return Advice(kind="leak", text="Look for the leak; a limit does not cure it.", reason="It grows all the time.")
    bought = duration(seen.limit_bytes / per_min * _S_PER_MIN)
    return Advice(
        kind="leak",
        text="Look for the leak; a higher limit only delays the end.",
        reason=f"It grows by {size(int(per_min))} a minute and gives nothing back: doubling the limit buys {bought}.",
        unless="the growth is a cache of its own that has a bound",
    )


def _reservation(snapshot: ContainerSnapshot) -> Advice | None:
    limit, reserved = snapshot.memory_limit_bytes, snapshot.memory_reservation_bytes
    if limit is None or reserved is None or reserved >= limit:
        return None
    return Advice(
        kind="reservation",
        value=limit,
        text=f"Set the reservation to the limit, {size(limit)}.",
        reason=f"Only {size(reserved)} of {size(limit)} are reserved: under pressure the host takes the rest first.",
        unless="the host is overcommitted on purpose",
    )


def _swap(snapshot: ContainerSnapshot) -> Advice | None:
    limit, both = snapshot.memory_limit_bytes, snapshot.memory_swap_bytes
    if limit is None or both is None or both == limit:
        return None
    allowed = "as much swap as the host has" if both < 0 else f"{size(both - limit)} of swap"
    return Advice(
        kind="swap",
        value=limit,
        text=f"Set --memory-swap to {size(limit)}, the same as --memory.",
        reason=f"It may use {allowed}: at its limit it becomes slow before it is killed.",
        unless="the host has no swap, or slow is better than dead",
    )


def _score(snapshot: ContainerSnapshot) -> Advice | None:
    score = snapshot.oom_score_adj
    if score is None or score > _PROTECTED:
        return None
    return Advice(
        kind="oom_score_adj",
        value=0,
        text="Set --oom-score-adj to 0.",
        reason=f"With {score}, when the host runs out of memory others are killed in its place.",
        unless="the host cannot do without it",
    )


def _kill_disable(snapshot: ContainerSnapshot) -> Advice | None:
    if not snapshot.oom_kill_disable:
        return None
    reason = "At its limit every allocation then waits for ever, and the container hangs instead of being restarted."
    return Advice(kind="oom_kill_disable", text="Remove --oom-kill-disable.", reason=reason)
