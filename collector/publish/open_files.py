"""
Add to the advice about too many open files how many the main process had open.
"""

from dataclasses import replace
from typing import Final

from collector.facts.stops import OpenFilesFact
from sinks.event import Event
from sinks.text import duration

_KIND: Final = "files"
_NS_PER_S: Final = 1_000_000_000


def with_open_files(event: Event, known: OpenFilesFact | None, began_ns: int | None) -> Event:
    """
    Return a death with the figures in the reason of that advice.

    Args:
        event: the death of a container.
        known: the last look at which its main process had most of its files open, if there was one.
        began_ns: when the run began; a look before that was at another process.
    """
    if known is None or event.time_ns is None or not (began_ns or 0) <= known.at_ns <= event.time_ns:
        return event
    before = duration((event.time_ns - known.at_ns) / _NS_PER_S)
    words = f"{before} before its end the main process had {known.open_files} of {known.open_files_max} files open."
    advice = tuple(
        replace(one, reason=f"{one.reason} {words}") if one.kind == _KIND else one for one in event.exit137.advice
    )
    return replace(event, exit137=replace(event.exit137, advice=advice))
