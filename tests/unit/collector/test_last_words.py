"""
The last lines of a container: bounded, masked, or the reason why there are none.
"""

from collections.abc import Iterator

import pytest

from collector.last_words import last_words, masked_tail
from collector.sources.base import SourceError
from collector.sources.docker_client import LogsUnavailableError

S = 1_000_000_000


class Reader:
    """
    Gives these pieces, or fails; notes what it was asked for.
    """

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self._pieces = pieces
        self._error = error
        self.asked: list[tuple[int, int | None, int | None]] = []

    def log_tail(self, container_id: str, lines: int, since_ns: int | None, until_ns: int | None) -> Iterator[bytes]:
        self.asked.append((lines, since_ns, until_ns))
        if self._error is not None:
            raise self._error
        yield from self._pieces


def test_the_last_fifty() -> None:
    """
    In pieces that do not end where lines do.
    """
    text = "".join(f"line {n}\r\n" for n in range(80)).encode()
    pieces = [text[at : at + 7] for at in range(0, len(text), 7)]
    assert masked_tail(pieces) == tuple(f"line {n}" for n in range(30, 80))


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("connecting to postgres://app:hunter2@db/shop", "connecting to postgres://***@db/shop"),
        ("login with password=hunter2 failed", "login with password=*** failed"),
        ('{"level":"info","token": "hunter2"}', '{"level":"info","token": "***"}'),
        ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
    ],
)
def test_secrets_are_masked(line: str, masked: str) -> None:
    """
    As in command lines.
    """
    found = masked_tail([line.encode()])
    assert "hunter2" not in found[0]
    assert found == (masked,)


def test_all_of_a_private_key_is_masked() -> None:
    """
    Its lines do not look like secrets.
    """
    text = b"before\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAbCd\n-----END RSA PRIVATE KEY-----\nafter\n"
    assert masked_tail([text]) == ("before", "***", "***", "***", "***", "after")


def test_long_lines_are_cut() -> None:
    """
    After they were masked.
    """
    (line,) = masked_tail([b"x" * 980 + b" password=" + b"hunter2" * 100])
    assert len(line) <= 1000
    assert "hunter2" not in line


def test_of_a_stream_without_end_the_newest_is_kept() -> None:
    """
    In two megabytes; a line that lost its beginning is not shown.
    """
    pieces = (b"secret " * 10_000 for _ in range(100))
    assert masked_tail([*pieces, b"\nthe end\n"]) == ("…", "the end")


def test_what_cannot_be_printed_is_shown_by_its_number() -> None:
    """
    A terminal's colors, bytes that are no text.
    """
    assert masked_tail([b"\x1b[31mred\xff\n"]) == ("\\x1b[31mred\N{REPLACEMENT CHARACTER}",)


def test_only_this_run_is_asked_for() -> None:
    """
    The next one begins 100 ms after its end.
    """
    reader = Reader(b"bye\n")
    assert last_words(reader, "c", log_driver="json-file", began_ns=S, ended_ns=5 * S).lines == ("bye",)
    assert reader.asked == [(50, S, 5 * S + S // 10)]


@pytest.mark.parametrize(
    ("driver", "reader", "missing"),
    [
        ("none", Reader(), 'The log driver "none" keeps no logs.'),
        ("json-file", Reader(), "It wrote nothing."),
        (
            "gelf",
            Reader(error=LogsUnavailableError("configured logging driver does not support reading")),
            "Docker gives no logs (driver gelf): configured logging driver does not support reading",
        ),
        ("local", Reader(error=SourceError("no Docker Engine answers")), "no Docker Engine answers"),
    ],
)
def test_why_there_are_none(driver: str, reader: Reader, missing: str) -> None:
    """
    In place of the lines, never an error.
    """
    found = last_words(reader, "c", log_driver=driver)
    assert (found.lines, found.missing) == ((), missing)
