"""
The inputs of the agent: one module or folder per source. A source yields facts, each reading with a position.

Only the modules of sources that run are imported. Beside its classes each has two functions: `offered(config)` says
whether this host has the input, and `create(config, host)` creates the source. A source in a folder has them in the
folder's `source` module.
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["KEPT_ELSEWHERE", "SOON_READ", "SOURCES"]

SOURCES: Final[Mapping[str, str]] = {
    "kmsg": "collector.sources.kmsg.source",
    "journald": "collector.sources.journald.source",
    "docker": "collector.sources.docker.source",
    "podman": "collector.sources.podman.source",
    "processes": "collector.sources.processes.source",
    "trace": "collector.sources.trace.source",
    "cgroups": "collector.sources.cgroups",
    "memory": "collector.sources.memory.source",
    "stops": "collector.sources.stops.source",
}

# The kernel and the journal keep their records for a while: these sources can wait, and continue from their position.
KEPT_ELSEWHERE: Final = frozenset({"kmsg", "journald"})

# Those that are read to their end within moments: what needs their evidence waits for their first watermark. A journal
# may take minutes at the first start, and Docker may answer no ping: they are waited for once they have stated one.
SOON_READ: Final = frozenset({"kmsg", "processes", "trace"})
