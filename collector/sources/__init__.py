"""
What comes in: one module per input. Each yields what it read with the position to go on from.

Only the modules of sources that are to run are imported. Each has two functions beside its classes: `offered(config)`
says whether this host has the input, `create(config, host)` makes the source.
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["KEPT_ELSEWHERE", "SOURCES"]

SOURCES: Final[Mapping[str, str]] = {
    "kmsg": "collector.sources.kmsg",
    "journald": "collector.sources.journald",
    "docker": "collector.sources.docker",
    "processes": "collector.sources.processes",
    "trace": "collector.sources.trace",
    "cgroups": "collector.sources.cgroups",
    "memory": "collector.sources.memory",
}

# What these read stays where it is, for a while or for long, and a position leads back to it.
KEPT_ELSEWHERE: Final = frozenset({"kmsg", "journald"})
