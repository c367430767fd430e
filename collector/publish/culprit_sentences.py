"""
The sentences about who took the memory.
"""

from typing import Final

from collector.memory.culprit import Culprit
from sinks.event import Container, Oom
from sinks.event import Culprit as PublishedCulprit
from sinks.text import duration, printable, size

_SHORT_ID: Final = 12


def sentence_of(culprit: Culprit, published: PublishedCulprit | None, oom: Oom, victim: Container | None) -> str:
    """
    Say who took the memory, and whether that was not the victim.

    Args:
        culprit: what was found.
        published: the same as a container; None if the memory was taken outside of containers.
        oom: the kill.
        victim: the container of the victim.
    """
    held = _held(culprit)
    if published is None:
        outside_victim = oom.victim_cgroup is not None and victim is None
        innocent = "" if outside_victim else f" {_innocent(victim)}"
        return f"Processes outside of containers took the memory ({culprit.confidence.value}): they {held}.{innocent}"
    if published.victim:
        return f"Container {_name(published)} took the memory itself ({culprit.confidence.value}): it {held}."
    took = f"Container {_name(published)} took the memory ({culprit.confidence.value}): it {held}."
    return f"{took} {_innocent(victim)}"


def evidence_text(culprit: Culprit, published: PublishedCulprit | None) -> str:
    """
    Write what the samples and the task table show of the culprit.
    """
    who = f"container {_name(published)}" if published is not None else "outside of containers"
    parts = [f"{who} {_held(culprit)}"]
    if published is not None and published.working_set_bytes is not None:
        parts.append(f"working set {size(published.working_set_bytes)}")
    if published is not None and published.resident_bytes is not None:
        parts.append(f"resident by the kernel's task table {size(published.resident_bytes)}")
    return "; ".join(parts)


def _held(culprit: Culprit) -> str:
    holder = culprit.holder
    held = f"held {size(holder.held_bytes)}"
    if holder.grew_bytes is None or holder.within_s is None or holder.grew_bytes <= 0:
        return held
    return f"{held}, {size(holder.grew_bytes)} more than {duration(holder.within_s)} before"


def _innocent(victim: Container | None) -> str:
    if victim is None or victim.id is None:
        return "The killed process was not the cause."
    name = f'"{printable(victim.name)}"' if victim.name else victim.id[:_SHORT_ID]
    return f"Container {name}, whose process was killed, was not the cause."


def _name(published: PublishedCulprit) -> str:
    return f'"{printable(published.name)}"' if published.name else published.container_id[:_SHORT_ID]
