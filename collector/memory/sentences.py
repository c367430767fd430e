"""
The one sentence of a warning, and of a curve.
"""

from typing import Final, assert_never

from collector.correlate.memory_facts import MemorySample
from collector.correlate.runs import ContainerRecord
from collector.correlate.sentences import container_name
from collector.correlate.wording import size
from collector.memory.latch import Level
from collector.memory.shape import Shape, Trend
from collector.memory.stuck import Stuck, StuckState
from collector.memory.warnings import Alarm, PressureKind
from sinks.event import Confidence

_NS_PER_S: Final = 1_000_000_000
_S_PER_MIN: Final = 60
_S_PER_H: Final = 3600
_SHORT_S: Final = 10


def of_alarm(alarm: Alarm, record: ContainerRecord | None) -> str:
    """
    The sentence of a warning, or of its end.
    """
    name = f"container {container_name(record, alarm.sample.container_id)}" if alarm.sample is not None else "the host"
    if alarm.level is Level.RESOLVED:
        lasted = duration((alarm.at_ns - alarm.since_ns) / _NS_PER_S)
        return f"The warning about {_about(alarm.kind)} of {name} has passed after {lasted}."
    sentence = _of_container(alarm, alarm.sample, name) if alarm.sample is not None else _of_host(alarm)
    return f"{sentence[0].upper()}{sentence[1:]}."


def of_stuck(stuck: Stuck, record: ContainerRecord | None) -> str:
    """
    The sentence of a container that is in a bad state, or out of it again.
    """
    name = f"Container {container_name(record, stuck.container_id)}"
    lasted = duration((stuck.at_ns - stuck.since_ns) / _NS_PER_S)
    kills = f"{stuck.kills} of its processes were" if stuck.kills != 1 else "one of its processes was"
    since = f"since {kills} killed for want of memory"
    match stuck.state:
        case StuckState.SPINNING if stuck.over:
            return f"{name} does not burn all its CPU any more, after {lasted}."
        case StuckState.SPINNING:
            return f"{name} lives on and burns all its CPU, for {lasted} now, {since}."
        case StuckState.UNHEALTHY if stuck.over:
            return f"{name} is healthy again, after {lasted}."
        case StuckState.UNHEALTHY:
            return f"{name} lives on and its health check fails, {since}."
        case StuckState.KILLING if stuck.over:
            return f"{name} has lost no process for ten minutes; {stuck.kills} were killed for want of memory."
        case StuckState.KILLING:
            return f"{name} lives on and loses one process after the other: {stuck.kills} in {lasted}."
        case _:
            assert_never(stuck.state)


def of_curve(shape: Shape) -> str | None:
    """
    What the memory did, in a sentence; None where its shape is unknown.
    """
    peak, usual = size(shape.peak_bytes), size(shape.baseline_bytes)
    unsure = "" if shape.confidence is Confidence.LIKELY else "perhaps "
    text: str | None
    match shape.trend:
        case Trend.LEAK:
            rate = size(int(shape.growth_bytes_per_min or 0))
            text = f"Its memory had grown by {rate} a minute for {duration(shape.span_s)}: {unsure}a leak."
        case Trend.SPIKE:
            within = f" within {_moment(shape.rise_s)}" if shape.rise_s is not None else ""
            text = f"Its memory had been about {usual} and jumped to {peak}{within}."
        case Trend.SAWTOOTH:
            text = (
                f"Its memory had gone up and down {shape.teeth} times between {usual} and {peak}: a collector at work."
            )
        case Trend.STEADY:
            text = f"Its memory had stood at {usual}."
        case Trend.UNDERSIZED:
            text = f"Its memory had stood at {usual}, near the limit, for {duration(shape.span_s)}."
        case Trend.CACHE:
            text = "What filled its memory is cached pages of files."
        case Trend.UNKNOWN:
            text = None
        case _:
            assert_never(shape.trend)
    return text


def duration(seconds: float) -> str:
    """
    A time for people: `40 s`, `12 minutes`, `3.5 hours`.
    """
    if seconds < 2 * _S_PER_MIN:
        return f"{seconds:.0f} s"
    if seconds < 2 * _S_PER_H:
        return f"{seconds / _S_PER_MIN:.0f} minutes"
    return f"{seconds / _S_PER_H:.1f} hours"


def _moment(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < _SHORT_S else duration(seconds)


def _about(kind: PressureKind) -> str:
    match kind:
        case PressureKind.LIMIT:
            return "the memory limit"
        case PressureKind.GROWTH | PressureKind.FORECAST:
            return "the growth"
        case PressureKind.STALL:
            return "the stalls"
        case PressureKind.SWAP:
            return "the swap"
        case PressureKind.HOST_MEMORY:
            return "the memory"
        case PressureKind.HOST_LIMITS:
            return "the overcommitment"
        case _:
            assert_never(kind)


def _of_container(alarm: Alarm, sample: MemorySample, name: str) -> str:
    used, limit = size(sample.working_set_bytes), size(sample.limit_bytes)
    if alarm.kind is PressureKind.GROWTH:
        return f"{name} grew by {size(alarm.growth_bytes)} in ten minutes, to {used}"
    if alarm.kind is PressureKind.FORECAST and alarm.forecast is not None:
        ahead = alarm.forecast
        rate = size(int(ahead.growth_bytes_per_s * _S_PER_MIN))
        at_worst = f"at the soonest {duration(ahead.soonest_s)}"
        return f"{name} grows by {rate} a minute: its limit of {limit} is {duration(ahead.seconds)} away, {at_worst}"
    if alarm.kind is PressureKind.STALL:
        return f"all processes of {name} waited for memory in {alarm.value or 0.0:.0f} % of the last 10 s"
    if alarm.kind is PressureKind.SWAP:
        return f"{name} has {size(sample.swap_bytes)} swapped out and {used} in memory"
    cached = sample.file_bytes or 0
    pages = f"; {size(cached)} of its memory are pages of files" if 2 * cached > sample.working_set_bytes else ""
    return f"{name} uses {100 * (sample.limit_share or 0.0):.0f} % of its memory limit, {used} of {limit}{pages}"


def _of_host(alarm: Alarm) -> str:
    load = alarm.load
    if load is None:
        return "the host is short of memory"
    total, unlimited = size(load.total_bytes), f"{load.unlimited} of {load.containers} containers have no limit"
    if alarm.kind is PressureKind.HOST_LIMITS:
        return f"the limits of the containers add up to {size(load.limits_bytes)}, the host has {total}; {unlimited}"
    return f"the containers use {size(load.working_sets_bytes)} of the host's {total}; {unlimited}"
