"""
The trace source: who sent the signal that ended a container, and whom the OOM killer chose.
"""

from collector.sources.settings import TraceConfig
from collector.sources.trace.source import TraceSource, create, offered

__all__ = ["TraceConfig", "TraceSource", "create", "offered"]
