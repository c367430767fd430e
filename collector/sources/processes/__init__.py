"""
The processes source: which container a process belonged to, and how it ended, from the kernel itself.
"""

from collector.sources.processes.source import ProcessesConfig, ProcessesSource, offered

__all__ = ["ProcessesConfig", "ProcessesSource", "offered"]
