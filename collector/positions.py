"""
Which position may be stored: never past a fact that the correlator still holds (docs/adr/0003).
"""

from collections import deque
from collections.abc import Mapping

from collector.correlate.facts import Origin
from collector.sources.base import Position


class PositionLedger:
    """
    Numbers the readings of each source and remembers the positions between what is stored and what is read.
    """

    def __init__(self) -> None:
        self._ordinals: dict[str, int] = {}
        self._passed: dict[str, deque[tuple[int, Position]]] = {}
        self._stored: dict[str, Position] = {}

    def note(self, source: str, position: Position) -> Origin:
        """
        A reading has come: gives it its number.
        """
        ordinal = self._ordinals.get(source, 0) + 1
        self._ordinals[source] = ordinal
        if position:
            self._passed.setdefault(source, deque()).append((ordinal, position))
        return Origin(source=source, ordinal=ordinal)

    def storable(self, held: Mapping[str, int]) -> dict[str, Position]:
        """
        Per source the furthest position before everything that is held, where it is not stored already.

        Args:
            held: per source the number of the oldest reading that is still needed.
        """
        found: dict[str, Position] = {}
        for source, passed in self._passed.items():
            limit = held.get(source)
            position: Position | None = None
            while passed and (limit is None or passed[0][0] < limit):
                position = passed.popleft()[1]
            if position is not None and position != self._stored.get(source):
                found[source] = position
        return found

    def stored(self, positions: Mapping[str, Position]) -> None:
        """
        These positions are in the store now.
        """
        self._stored.update(positions)
