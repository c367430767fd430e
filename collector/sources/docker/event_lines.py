"""
The event stream of an engine as lines: one event each, bounded.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from collector.sources.docker.bounded import UnusableAnswerError

# An event carries the labels of its container; those may be long.
_LINE_BYTES: Final = 1_048_576
# A stream that has sent more than this without an event sends none.
_IDLE_BYTES: Final = 16_777_216


class Pieces(Protocol):
    """
    The body of an answer while it arrives.
    """

    def __iter__(self) -> Iterator[bytes]:
        """
        Yield pieces of any size.
        """
        ...

    def has_unread(self) -> bool:
        """
        Return whether something has arrived that was not processed.
        """
        ...

    def close(self) -> None:
        """
        End the stream.
        """
        ...


class EventStream:
    """
    An event stream that another thread can close.

    Args:
        pieces: the body of the engine's answer.
    """

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        """
        Yield events as they arrive, one line each, until the engine or `close` ends the stream.

        Raises:
            SourceError: the stream broke, or an event does not end.
        """
        return event_lines(self._pieces)

    def has_unread(self) -> bool:
        """
        Return whether the engine has sent something that has not been yielded yet.
        """
        return self._pieces.has_unread()

    def close(self) -> None:
        """
        End the stream.
        """
        self._pieces.close()


def event_lines(pieces: Iterable[bytes], line_bytes: int = _LINE_BYTES) -> Iterator[bytes]:
    """
    Yield the lines of a stream; of a line that is too long only the beginning, which is no JSON any more.

    Args:
        pieces: the stream, in pieces of any size.
        line_bytes: the longest line.

    Raises:
        UnusableAnswerError: a line does not end, or all are empty.
    """
    line = bytearray()
    idle_bytes = 0
    for piece in pieces:
        idle_bytes += len(piece)
        # An engine that sends blank lines alone must not take the CPU as well.
        is_blank = not line and piece.isspace()
        *ends, rest = piece.rpartition(b"\n")[2:] if is_blank else piece.split(b"\n")
        for end in ends:
            line += end
            if line.strip():
                yield bytes(line[:line_bytes])
                idle_bytes = 0
            line.clear()
        line += rest
        del line[line_bytes:]
        if idle_bytes > _IDLE_BYTES:
            raise UnusableAnswerError("the Docker Engine sends an event without end")
