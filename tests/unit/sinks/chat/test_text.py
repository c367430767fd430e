"""
Text for people: cut, escaped, made visible; curves and counts.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.chat.text import clock, duration, fitted, ordinal, size, sparkline, visible
from tests.unit.sinks.chat.limits import units

ESCAPES = {"&": "&amp;", "<": "&lt;", "://": ":|//"}


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [
        ("short", 5, "short"),
        ("a & b", 9, "a &amp; b"),
        ("a & b", 8, "a &amp;…"),
        ("a & b", 7, "a …"),
        ("https://x", 20, "https:|//x"),
        ("the last words of it", 19, "the last words of…"),
        ("one_long_word_of_many", 10, "one_long_…"),
        ("\N{PILE OF POO}" * 4, 7, "\N{PILE OF POO}" * 3 + "…"),
    ],
)
def test_text_is_cut_visibly_at_words_and_never_within_an_escape(text: str, room: int, expected: str) -> None:
    """
    The room is for what comes out, in UTF-16 units; a word that ends far before stays whole only if it can.
    """
    assert fitted(text, room, ESCAPES) == expected


@given(text=st.text(max_size=300), room=st.integers(1, 200))
def test_text_keeps_to_its_room_and_to_its_beginning(text: str, room: int) -> None:
    """
    Whatever it is; undone, it is what it was, or how that begins.
    """
    found = fitted(text, room, ESCAPES)
    assert units(found) <= room
    plain = found.replace(":|//", "://").replace("&lt;", "<").replace("&amp;", "&")
    whole = visible(text)
    assert plain == whole or whole.startswith(plain.removesuffix("…"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[1;31mERROR\x1b[0m\tdisk", "ERROR disk"),
        ("a\nb\x00", "a\\nb\\x00"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("  größe-日本 ", "größe-日本"),
    ],
)
def test_what_cannot_be_printed_is_shown(text: str, expected: str) -> None:
    """
    Colours are left out; a line stays one line, and none is read from right to left.
    """
    assert visible(text) == expected


def test_a_curve_in_a_line() -> None:
    """
    From 0 to the top, a column for each part of the time, as high as the highest value in it.
    """
    rising = [(float(second), second) for second in range(-24, 1)]
    assert sparkline([(at_s, value + 24) for at_s, value in rising], 24) == "▁▁▂▂▂▂▃▃▃▄▄▄▅▅▅▅▆▆▆▇▇▇▇█"
    assert sparkline([(-10.0, 5), (-1.0, 5), (0.0, 40)], 40) == "▂" * 23 + "█"
    assert sparkline([(0.0, 0), (0.0, 0)], 0) == "▁" * 24


@pytest.mark.parametrize(
    ("number", "expected"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (22, "22nd"), (113, "113th")]
)
def test_ordinals(number: int, expected: str) -> None:
    """
    As in English.
    """
    assert ordinal(number) == expected


def test_figures() -> None:
    """
    Sizes, times that pass, and times of day.
    """
    assert [size(value) for value in (0, 1536, 1 << 29, 3 << 40)] == ["0 B", "1.5 KiB", "512 MiB", "3 TiB"]
    assert [duration(value) for value in (41, 600, 9000)] == ["41 s", "10 min", "2.5 h"]
    assert [clock(stamp) for stamp in ("2026-11-22T03:17:04.118203Z", None)] == ["03:17:04", "?"]
