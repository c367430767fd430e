"""
The processes source: which container a process belonged to, and how it ended, from the kernel itself.
"""

from collector.sources.processes.source import ProcessesConfig, ProcessesSource, create, offered

__all__ = ["ProcessesConfig", "ProcessesSource", "create", "offered"]
