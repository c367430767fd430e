"""
How far a source has been read: what decides waits for it, not for a clock (docs/adr/0015).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkFact:
    """
    How far a source has been read: it has handed over everything that happened before `read_until_ns`.

    Attributes:
        source: the source's name, as in the configuration.
        newest_kernel_us: the newest kernel line that it has read, on the kernel's log clock; None for a source that
            reads no kernel log.
        newest_kernel_ns: the same line, wall clock.
    """

    source: str
    read_until_ns: int
    newest_kernel_us: int | None = None
    newest_kernel_ns: int = 0

    @property
    def occurred_at_ns(self) -> int | None:
        """The time until which the source has been read; None before it has read anything."""
        return self.read_until_ns or None
