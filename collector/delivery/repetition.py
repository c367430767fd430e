"""
Has a sink repeat what must be said again and again, such as alerts that are not resolved.
"""

from sinks.base import RepeatingSink, Sink


class Repetition:
    """
    Knows when a sink must repeat itself. Times are seconds since 1970.

    Args:
        sink: the sink; one that repeats nothing is never due.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink if isinstance(sink, RepeatingSink) else None
        self.due_s: float | None = None

    def sent(self, now_s: float) -> None:
        """
        Note that the sink has sent something: from now on it has something to repeat.
        """
        if self._sink is not None and self.due_s is None:
            self.due_s = now_s + self._sink.repeat_every_s

    def is_due(self, now_s: float) -> bool:
        """
        Return whether it is time; also if the clock was set back.
        """
        if self._sink is None or self.due_s is None:
            return False
        return now_s >= self.due_s or self.due_s > now_s + self._sink.repeat_every_s

    def earlier_s(self, due_s: float | None) -> float | None:
        """
        Return a time, or when the sink must repeat itself, if that is earlier; None: never.
        """
        return min((at_s for at_s in (due_s, self.due_s) if at_s is not None), default=None)

    async def repeat(self, now_s: float) -> None:
        """
        Have the sink repeat itself, and schedule the next time.

        Raises:
            SinkError: the destination did not accept it.
        """
        if self._sink is not None:
            self.due_s = now_s + self._sink.repeat_every_s
            await self._sink.repeat()
