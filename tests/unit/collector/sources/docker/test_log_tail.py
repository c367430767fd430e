"""
Tests of the log tail: bounded, masked, or a reason why there is none.
"""

from collections.abc import Iterator

import pytest

from collector.sources.base import SourceError
from collector.sources.docker.client import LogsUnavailableError
from collector.sources.docker.log_tail import masked_tail, read_log_tail

S = 1_000_000_000


class Reader:
    """
    A log reader that yields the given pieces or fails, and records its calls.
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


def test_the_last_fifty_lines_are_kept() -> None:
    """
    The last 50 lines are kept, even if the pieces of the stream do not end at line ends.
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
    Log lines are masked by the same rules as command lines.
    """
    found = masked_tail([line.encode()])
    assert "hunter2" not in found[0]
    assert found == (masked,)


def test_all_of_a_private_key_is_masked() -> None:
    """
    Every line of a private key is masked, although the single lines do not look like secrets.
    """
    text = b"before\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAbCd\n-----END RSA PRIVATE KEY-----\nafter\n"
    assert masked_tail([text]) == ("before", "***", "***", "***", "***", "after")


def test_long_lines_are_cut() -> None:
    """
    A long line is masked before it is cut.
    """
    (line,) = masked_tail([b"x" * 980 + b" password=" + b"hunter2" * 100])
    assert len(line) <= 1000
    assert "hunter2" not in line


def test_the_newest_part_of_an_endless_stream_is_kept() -> None:
    """
    Of a large stream only the end is kept, without the line that lost its beginning.
    """
    pieces = (b"secret " * 10_000 for _ in range(100))
    assert masked_tail([*pieces, b"\nthe end\n"]) == ("…", "the end")


def test_unprintable_characters_are_escaped() -> None:
    """
    Terminal colors are escaped, and bytes that are not UTF-8 become replacement characters.
    """
    assert masked_tail([b"\x1b[31mred\xff\n"]) == ("\\x1b[31mred\N{REPLACEMENT CHARACTER}",)


def test_only_the_ended_run_is_read() -> None:
    """
    The log is read until 100 ms after the end: a restart begins no earlier.
    """
    reader = Reader(b"bye\n")
    assert read_log_tail(reader, "c", log_driver="json-file", began_ns=S, ended_ns=5 * S).lines == ("bye",)
    assert reader.asked == [(50, S, 5 * S + S // 10)]


@pytest.mark.parametrize(
    ("driver", "reader", "missing"),
    [
        ("none", Reader(), 'The log driver "none" keeps no logs.'),
        ("json-file", Reader(), "The container wrote nothing."),
        (
            "gelf",
            Reader(error=LogsUnavailableError("configured logging driver does not support reading")),
            "Docker has no logs (driver gelf): configured logging driver does not support reading",
        ),
        ("local", Reader(error=SourceError("no Docker Engine answers")), "no Docker Engine answers"),
    ],
)
def test_a_missing_log_tail_has_a_reason(driver: str, reader: Reader, missing: str) -> None:
    """
    If there are no lines, the reason takes their place; reading never raises.
    """
    found = read_log_tail(reader, "c", log_driver=driver)
    assert (found.lines, found.missing) == ((), missing)
