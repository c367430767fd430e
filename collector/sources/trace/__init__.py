"""
The trace source: who sent the signal that ended a container, and whom the OOM killer chose.
"""

from collector.sources.trace.source import TraceConfig, TraceSource, create, offered

__all__ = ["TraceConfig", "TraceSource", "create", "offered"]
