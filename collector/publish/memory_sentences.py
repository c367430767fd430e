"""
The sentences about memory: one for each warning, each stuck container and each memory curve.
"""

from typing import Final, assert_never

from collector.correlate.container_record import ContainerRecord
from collector.facts.memory import MemorySample
from collector.memory.latch import Level
from collector.memory.pressure import PressureAlert, PressureKind
from collector.memory.shape import Shape, Trend
from collector.memory.stuck import Stuck, StuckState
from collector.publish.sentences import container_name
from sinks.event import Confidence
from sinks.text import duration, size

_NS_PER_S: Final = 1_000_000_000
_S_PER_MIN: Final = 60
# Below this a time is printed with one decimal: a spike often takes less than a second.
_SHORT_S: Final = 10


def of_pressure(alert: PressureAlert, record: ContainerRecord | None) -> str:
    """
    Return the sentence of a warning that was raised or resolved.
    """
    name = f"container {container_name(record, alert.sample.container_id)}" if alert.sample is not None else "the host"
    if alert.level is Level.RESOLVED:
        lasted = duration((alert.at_ns - alert.since_ns) / _NS_PER_S)
        return f"The {_warning(alert.kind)} warning for {name} was resolved after {lasted}."
    sentence = _of_container(alert, alert.sample, name) if alert.sample is not None else _of_host(alert)
    return f"{sentence[0].upper()}{sentence[1:]}."


def of_stuck(stuck: Stuck, record: ContainerRecord | None) -> str:
    """
    Return the sentence of a container that got stuck after an OOM kill, or recovered.
    """
    name = f"Container {container_name(record, stuck.container_id)}"
    lasted = duration((stuck.at_ns - stuck.since_ns) / _NS_PER_S)
    kills = f"{stuck.kills} of its processes were" if stuck.kills != 1 else "one of its processes was"
    match stuck.state:
        case StuckState.SPINNING if stuck.resolved:
            return f"{name} is no longer using all its CPU (lasted {lasted})."
        case StuckState.SPINNING:
            return f"{name} is still running but has been using all its CPU for {lasted}, after {kills} OOM-killed."
        case StuckState.UNHEALTHY if stuck.resolved:
            return f"{name} is healthy again after {lasted}."
        case StuckState.UNHEALTHY:
            return f"{name} is still running but fails its health check, after {kills} OOM-killed."
        case StuckState.KILLING if stuck.resolved:
            return f"{name} has lost no more processes for ten minutes; {kills} OOM-killed before."
        case StuckState.KILLING:
            return f"{name} is still running but keeps losing processes to the OOM killer: {stuck.kills} in {lasted}."
        case _:
            assert_never(stuck.state)


def of_curve(shape: Shape) -> str | None:
    """
    Return a sentence about the memory before a kill or a death; None if the shape is unknown.
    """
    peak, usual = size(shape.peak_bytes), size(shape.baseline_bytes)
    possibly = "" if shape.confidence is Confidence.LIKELY else "possibly "
    text: str | None
    match shape.trend:
        case Trend.LEAK:
            rate = size(int(shape.growth_bytes_per_min or 0))
            text = f"Its memory had been growing by {rate} per minute for {duration(shape.span_s)}: {possibly}a leak."
        case Trend.SPIKE:
            within = f" within {_short_duration(shape.rise_s)}" if shape.rise_s is not None else ""
            text = f"Its memory had been about {usual} and jumped to {peak}{within}."
        case Trend.SAWTOOTH:
            swings = f"{shape.teeth} times between {usual} and {peak}"
            text = f"Its memory had risen and fallen {swings}, as with garbage collection."
        case Trend.STEADY:
            text = f"Its memory had been steady at {usual}."
        case Trend.UNDERSIZED:
            text = f"Its memory had been steady at {usual}, near the limit, for {duration(shape.span_s)}."
        case Trend.CACHE:
            text = "Its memory was filled with file cache."
        case Trend.UNKNOWN:
            text = None
        case _:
            assert_never(shape.trend)
    return text


def _short_duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < _SHORT_S else duration(seconds)


def _warning(kind: PressureKind) -> str:
    match kind:
        case PressureKind.LIMIT:
            return "memory limit"
        case PressureKind.GROWTH | PressureKind.FORECAST:
            return "memory growth"
        case PressureKind.STALL:
            return "memory stall"
        case PressureKind.SWAP:
            return "swap"
        case PressureKind.HOST_MEMORY:
            return "memory"
        case PressureKind.HOST_LIMITS:
            return "overcommitment"
        case _:
            assert_never(kind)


def _of_container(alert: PressureAlert, sample: MemorySample, name: str) -> str:
    used, limit = size(sample.working_set_bytes), size(sample.limit_bytes)
    if alert.kind is PressureKind.GROWTH:
        return f"{name} grew by {size(alert.growth_bytes)} in ten minutes, to {used}"
    if alert.kind is PressureKind.FORECAST and alert.forecast is not None:
        forecast = alert.forecast
        rate = size(int(forecast.growth_bytes_per_s * _S_PER_MIN))
        due = f"in about {duration(forecast.seconds)}, at the earliest in {duration(forecast.soonest_s)}"
        return f"{name} is growing by {rate} per minute and will reach its limit of {limit} {due}"
    if alert.kind is PressureKind.STALL:
        return f"all processes of {name} were waiting for memory during {alert.value or 0.0:.0f} % of the last 10 s"
    if alert.kind is PressureKind.SWAP:
        return f"{name} has {size(sample.swap_bytes)} in swap and {used} in memory"
    cached = sample.file_bytes or 0
    cache = f"; {size(cached)} of its memory is file cache" if 2 * cached > sample.working_set_bytes else ""
    return f"{name} uses {100 * (sample.limit_share or 0.0):.0f} % of its memory limit, {used} of {limit}{cache}"


def _of_host(alert: PressureAlert) -> str:
    load = alert.load
    if load is None:
        return "the host is short of memory"
    total, unlimited = size(load.total_bytes), f"{load.unlimited} of {load.containers} containers have no limit"
    if alert.kind is PressureKind.HOST_LIMITS:
        return f"the containers' memory limits add up to {size(load.limits_bytes)}, the host has {total}; {unlimited}"
    return f"the containers use {size(load.working_sets_bytes)} of the host's {total}; {unlimited}"
