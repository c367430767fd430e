"""
Text from outside in a chat: escaped, and cut to its limit.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.chat.escaping import escape_and_cut
from sinks.text import printable_output
from tests.unit.sinks.chat.limits import units

ESCAPES = {"&": "&amp;", "<": "&lt;", "://": ":|//"}


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [
        ("short", 5, "short"),
        ("  größe-日本 ", 20, "größe-日本"),
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
    The limit holds for the escaped text, in UTF-16 units; a text is cut between words if a space is near its end.
    """
    assert escape_and_cut(text, room, ESCAPES) == expected


@given(text=st.text(max_size=300), room=st.integers(1, 200))
def test_text_keeps_to_its_limit_and_to_its_beginning(text: str, room: int) -> None:
    """
    Unescaped, the result is the printable text or its beginning, whatever the text is.
    """
    found = escape_and_cut(text, room, ESCAPES)
    assert units(found) <= room
    plain = found.replace(":|//", "://").replace("&lt;", "<").replace("&amp;", "&")
    whole = printable_output(text).strip()
    assert plain == whole or whole.startswith(plain.removesuffix("…"))
