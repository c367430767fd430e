"""
Decides which source positions may be stored: never one behind a fact that is still needed (docs/adr/0003).
"""

from collections import deque
from collections.abc import Mapping

from collector.facts.observed import Origin
from collector.sources.base import Position


class Checkpoints:
    """
    Numbers the readings of each source, and keeps their positions until these are safe to store.
    """

    def __init__(self) -> None:
        self._ordinals: dict[str, int] = {}
        self._read: dict[str, deque[tuple[int, Position]]] = {}
        self._safe: dict[str, Position] = {}
        self._stored: dict[str, Position] = {}

    def add(self, source: str, position: Position) -> Origin:
        """
        Give a reading its number. An empty position (a part of a reading, a fact of the supervisor) is not kept.
        """
        ordinal = self._ordinals.get(source, 0) + 1
        self._ordinals[source] = ordinal
        if position:
            self._read.setdefault(source, deque()).append((ordinal, position))
        return Origin(source=source, ordinal=ordinal)

    def storable(self, held: Mapping[str, int]) -> dict[str, Position]:
        """
        Return, per source, the furthest position that is safe and not stored yet.

        Args:
            held: per source the number of the oldest reading that is still needed; its position and all later ones
                are not safe.
        """
        for source, read in self._read.items():
            limit = held.get(source)
            while read and (limit is None or read[0][0] < limit):
                self._safe[source] = read.popleft()[1]
        return {source: position for source, position in self._safe.items() if position != self._stored.get(source)}

    def mark_stored(self, positions: Mapping[str, Position]) -> None:
        """
        Remember that these positions are in the store.
        """
        self._stored.update(positions)
