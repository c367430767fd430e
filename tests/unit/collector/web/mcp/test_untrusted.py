"""
Text from outside: printable, and bounded in bytes.
"""

from hypothesis import given
from hypothesis import strategies as st

from collector.web.mcp.untrusted import bounded, lines, word


@given(text=st.text(st.characters()), most_bytes=st.integers(3, 64))
def test_a_bounded_text_is_printable_and_no_longer_than_it_may_be(text: str, most_bytes: int) -> None:
    """
    In bytes of UTF-8; a text that fits is whole.
    """
    shown = bounded(text, most_bytes)
    assert shown.isprintable()
    assert len(shown.encode()) <= most_bytes
    if text.isprintable() and len(text.encode()) <= most_bytes:
        assert shown == text


@given(text=st.text())
def test_a_word_has_no_blank_and_no_quotation(text: str) -> None:
    """
    A sentence is none.
    """
    found = word(text)
    assert found is None or (found == text and not set(found) & set(" \n\"'<>"))


def test_words_of_the_event_are_words() -> None:
    """
    Ids, times and members of closed sets; nothing else.
    """
    for text in ("systemd-oomd", "2026-11-22T03:17:04.118203Z", "a" * 64, "oom_kill_child"):
        assert word(text) == text
    for other in (None, 7, "", "x" * 129, "two words"):
        assert word(other) is None


def test_lines_are_few() -> None:
    """
    The first ten.
    """
    assert lines(str(number) for number in range(99)) == [str(number) for number in range(10)]
