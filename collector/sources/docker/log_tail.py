"""
Reads the log tail of an ended container through the Docker API: bounded, one line each, secrets masked.

Not every log driver can be read; then the reason takes the place of the lines.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from collector.sources.base import SourceError
from collector.sources.docker.client import LogsUnavailableError
from sinks.masking import mask_lines
from sinks.text import printable

_LINES: Final = 50
_LINE_LENGTH: Final = 1000
_BYTES: Final = 1_048_576
_NS_PER_S: Final = 1_000_000_000
# Docker stamps a line when it reads it, a little after it was written; a restart begins 100 ms after the end.
_LAG_NS: Final = _NS_PER_S // 10
# Of a longer line, only the beginning is masked and published.
_LONGEST_LINE: Final = 8192
# A private key that begins before the last lines has at most so many.
_LINES_BEFORE: Final = 150
_NO_DRIVER: Final = "none"


class LogReader(Protocol):
    """
    Reads the log of a container; DockerClient does.
    """

    def log_tail(self, container_id: str, lines: int, since_ns: int | None, until_ns: int | None) -> Iterator[bytes]:
        """
        Yield the last output of a container in pieces of any size.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTail:
    """
    The log tail of one run.

    Attributes:
        lines: oldest first, printable, secrets masked.
        missing: why there are none; None if there are some.
    """

    lines: tuple[str, ...] = ()
    missing: str | None = None


def read_log_tail(
    reader: LogReader,
    container_id: str,
    *,
    log_driver: str | None,
    began_ns: int | None = None,
    ended_ns: int | None = None,
) -> LogTail:
    """
    Read the log tail of one run; blocks, and never raises.

    Args:
        reader: the engine.
        container_id: the container.
        log_driver: the log driver's name, as the container is configured.
        began_ns: wall clock time of the run's start; None if unknown.
        ended_ns: wall clock time of its end; lines of a later run are left out.
    """
    if log_driver == _NO_DRIVER:
        return LogTail(missing='The log driver "none" keeps no logs.')
    until_ns = ended_ns + _LAG_NS if ended_ns is not None else None
    try:
        lines = masked_tail(reader.log_tail(container_id, _LINES, began_ns, until_ns))
    except LogsUnavailableError as error:
        return LogTail(missing=f"Docker has no logs (driver {log_driver or 'unknown'}): {printable(str(error))}")
    except SourceError as error:
        return LogTail(missing=str(error))
    return LogTail(lines=lines, missing=None if lines else "The container wrote nothing.")


def masked_tail(pieces: Iterable[bytes]) -> tuple[str, ...]:
    """
    Return the last 50 lines of a stream, at most 1000 characters each, with secrets masked.

    Args:
        pieces: the stream, in pieces of any size; only the newest 1 MiB or so is kept in memory.
    """
    tail = bytearray()
    cut = False
    for piece in pieces:
        tail += piece
        if len(tail) > 2 * _BYTES:
            del tail[:-_BYTES]
            cut = True
    lines = tail.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    if cut:
        lines[0] = "…"  # this line lost its beginning: masking could not recognize a secret in the rest
    if not lines[-1]:
        lines.pop()
    latest = [_bounded(line) for line in lines[-_LINES - _LINES_BEFORE :]]
    return tuple(_shortened(line) for line in mask_lines(latest)[-_LINES:])


def _bounded(line: str) -> str:
    """
    Return the beginning of a long line up to a blank: masking could not recognize half a secret.
    """
    if len(line) <= _LONGEST_LINE:
        return line
    beginning = line[:_LONGEST_LINE]
    return f"{beginning.rpartition(' ')[0] or beginning} …"


def _shortened(line: str) -> str:
    """
    Return a masked line, printable and cut.
    """
    text = printable(line)
    return text if len(text) <= _LINE_LENGTH else f"{text[: _LINE_LENGTH - 1]}…"
