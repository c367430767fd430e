"""
Text for people: sizes, durations, times, printable names, curves.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.text import clock, date_and_time, duration, ordinal, printable, printable_output, scale_top, size, sparkline


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[1;31mERROR\x1b[0m\tdisk", "ERROR disk"),
        ("a\nb\x00", "a\\nb\\x00"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("  größe-日本 ", "  größe-日本 "),
    ],
)
def test_the_output_of_a_program_is_printable_and_has_no_colours(text: str, expected: str) -> None:
    """
    Colours are removed, a line stays one line, and no character reverses the direction of reading.
    """
    assert printable_output(text) == expected


@pytest.mark.parametrize(("name", "expected"), [("\x1b[2J\n", "\\x1b[2J\\n"), ("\udcff", "\ufffd"), (None, "?")])
def test_a_name_is_escaped_and_nothing_of_it_is_removed(name: str | None, expected: str) -> None:
    """
    A name that holds control sequences is suspicious, so they stay visible; a byte that is not UTF-8 is replaced.
    """
    assert printable(name) == expected


@given(text=st.text(alphabet=st.characters(), max_size=50))
def test_nothing_unprintable_reaches_a_terminal(text: str) -> None:
    """
    Whatever the text is, its printable form is printable.
    """
    assert printable(text).isprintable()
    assert printable_output(text).isprintable()


def test_a_curve_in_a_line() -> None:
    """
    A column for each part of the time, as high as the highest value in it, from 0 to the top.
    """
    rising = [(float(second), second) for second in range(-24, 1)]
    assert sparkline([(at_s, value + 24) for at_s, value in rising], 24) == "▁▁▂▂▂▂▃▃▃▄▄▄▅▅▅▅▆▆▆▇▇▇▇█"
    assert sparkline([(-10.0, 5), (-1.0, 5), (0.0, 40)], 40) == "▂" * 23 + "█"
    assert sparkline([(0.0, 0), (0.0, 0)], 0) == "▁" * 24


@pytest.mark.parametrize(
    ("peak", "limit", "top"), [(50, 64, 64), (64, 64, 64), (10, 64, 10), (70, 64, 70), (50, None, 50)]
)
def test_a_scale_ends_at_the_limit_if_the_curve_comes_near_it(peak: int, limit: int | None, top: int) -> None:
    """
    A limit more than four times above the peak would flatten the curve.
    """
    assert scale_top(peak, limit) == top


@pytest.mark.parametrize(
    ("number", "expected"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (22, "22nd"), (113, "113th")]
)
def test_ordinals(number: int, expected: str) -> None:
    """
    Ordinals end as in English.
    """
    assert ordinal(number) == expected


def test_figures() -> None:
    """
    Sizes have binary units, durations the unit that fits, and times are cut from RFC 3339.
    """
    assert [size(value) for value in (0, 1536, 1 << 29, 3 << 40, None)] == ["0 B", "1.5 KiB", "512 MiB", "3 TiB", None]
    assert [duration(value) for value in (41, 600, 9000)] == ["41 s", "10 minutes", "2.5 hours"]
    assert [clock(stamp) for stamp in ("2026-11-22T03:17:04.118203Z", None)] == ["03:17:04", "?"]
    assert date_and_time("2026-11-22T03:17:04.118203Z") == "2026-11-22 03:17:04.118203 UTC"
