"""
Define what a run keeps of the kernel's line about a crash that may have ended it.
"""

from dataclasses import dataclass

from parsers.kernel import KernelNotice
from sinks.event import Confidence, EvidenceSource


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashInRun:
    """
    The line about a process of a container that crashed.

    Attributes:
        pid: the process; None where only the end of the run fits.
        text: the line.
        confidence: that it was this process.
    """

    pid: int | None
    at_ns: int
    notice: KernelNotice
    text: str
    source: EvidenceSource
    confidence: Confidence
