"""
The last lines that a container wrote before its end, through the Docker API: bounded, on one line each, secrets masked.

Not every log driver gives back what it took; then the reason is told in place of the lines.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from collector.correlate.wording import shown
from collector.masking import MASK, mask_command_line
from collector.sources.base import SourceError
from collector.sources.docker_client import LogsUnavailableError

_LINES: Final = 50
_LINE_LENGTH: Final = 1000
_BYTES: Final = 1_048_576
_NS_PER_S: Final = 1_000_000_000
# Docker stamps a line when it reads it, a little later than it was written; the next run begins 100 ms after the end.
_LAG_NS: Final = _NS_PER_S // 10
_KEY_BEGINS: Final = "-----BEGIN "
_KEY_ENDS: Final = "-----END "
_NO_DRIVER: Final = "none"


class LogReader(Protocol):
    """
    What reads the logs of a container: DockerClient.
    """

    def log_tail(self, container_id: str, lines: int, since_ns: int | None, until_ns: int | None) -> Iterator[bytes]:
        """
        The last output of a container in pieces of any size.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWords:
    """
    The last lines of a container, oldest first, or why there are none.
    """

    lines: tuple[str, ...] = ()
    missing: str | None = None


def last_words(
    reader: LogReader,
    container_id: str,
    *,
    log_driver: str | None,
    began_ns: int | None = None,
    ended_ns: int | None = None,
) -> LastWords:
    """
    Ask for the last lines of one run of a container; blocks, and never fails.

    Args:
        reader: where to ask.
        container_id: the container.
        log_driver: as its configuration names it.
        began_ns: when the run began, wall clock; None where it is not known.
        ended_ns: when it ended; so that the lines of the next run are not among them.
    """
    if log_driver == _NO_DRIVER:
        return LastWords(missing='The log driver "none" keeps no logs.')
    until_ns = ended_ns + _LAG_NS if ended_ns is not None else None
    try:
        lines = masked_tail(reader.log_tail(container_id, _LINES, began_ns, until_ns))
    except LogsUnavailableError as error:
        return LastWords(missing=f"Docker gives no logs (driver {log_driver or 'unknown'}): {shown(str(error))}")
    except SourceError as error:
        return LastWords(missing=str(error))
    return LastWords(lines=lines, missing=None if lines else "It wrote nothing.")


def masked_tail(pieces: Iterable[bytes]) -> tuple[str, ...]:
    """
    The last 50 lines of a stream, each of 1000 characters at most, secrets masked.

    Args:
        pieces: of the stream; of what is beyond 1 MiB the newest is kept.
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
        lines[0] = "…"  # the rest of a line whose beginning is gone, which would say whether it is a secret
    if not lines[-1]:
        lines.pop()
    return tuple(_masked(lines))[-_LINES:]


def _masked(lines: Iterable[str]) -> Iterator[str]:
    """
    The lines without secrets; those of a private key are secret from its first to its last.
    """
    in_key = False
    for line in lines:
        in_key = in_key or _KEY_BEGINS in line
        yield MASK if in_key else _shortened(line)
        in_key = in_key and _KEY_ENDS not in line


def _shortened(line: str) -> str:
    """
    Masked before it is cut: a secret that is cut through may not look like one.
    """
    (masked,) = mask_command_line((line,))
    text = shown(masked)
    return text if len(text) <= _LINE_LENGTH else f"{text[: _LINE_LENGTH - 1]}…"
