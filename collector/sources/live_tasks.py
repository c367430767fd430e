"""
Look up the tasks that a line of the kernel log names, while they run; a task that started after the line never counts.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from collector.facts.kernel import KernelFact, LiveTask
from collector.host.clock import boot_offset_ns
from collector.host.procfs import ProcFiles
from parsers.kernel import TaskName

_NS_PER_US: Final = 1000


class LiveTasks:
    """
    Adds to kernel notices what /proc shows of their tasks.

    Args:
        files: reads /proc.
        offset_ns: returns how far CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC.
    """

    def __init__(self, files: ProcFiles, offset_ns: Callable[[], int] = boot_offset_ns) -> None:
        self._files = files
        self._offset_ns = offset_ns

    def add_to(self, fact: KernelFact) -> KernelFact:
        """
        Return a fact with the tasks of its line that still run.
        """
        notice, monotonic_us = fact.notice, fact.line.monotonic_us
        if notice is None or monotonic_us is None or (notice.task is None and notice.owner is None):
            return fact
        before_ns = monotonic_us * _NS_PER_US + self._offset_ns()
        return replace(fact, task=self._find(notice.task, before_ns), owner=self._find(notice.owner, before_ns))

    def _find(self, task: TaskName | None, before_ns: int) -> LiveTask | None:
        """
        Find a task that was started before a time, CLOCK_BOOTTIME; one that exits may have left its cgroup.
        """
        if task is None or task.id is None:
            return None
        pid = self._files.process_of(task.id)
        container = self._files.container(task.id)
        stat = self._files.stat(task.id)
        if pid is None or stat is None or stat.exiting or self._files.start_ns(stat) > before_ns:
            return None
        return LiveTask(pid=pid, container=container)
