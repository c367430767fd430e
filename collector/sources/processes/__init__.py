"""
The processes source: which container a process belonged to, and how it ended, from the kernel itself.
"""

from collector.sources.processes.source import ProcessesSource, create, offered
from collector.sources.settings import ProcessesConfig

__all__ = ["ProcessesConfig", "ProcessesSource", "create", "offered"]
