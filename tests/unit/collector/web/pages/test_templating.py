"""
Templates: every value is printable and escaped, and a misspelt name is an error.
"""

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from collector.web.pages.templating import cut, day_and_time, environment


def rendered(source: str, **names: object) -> str:
    return environment().from_string(source).render(names)


def test_a_value_is_escaped_and_printable() -> None:
    """
    No template can forget either.
    """
    assert rendered("{{ name }}", name="<b>\x1b[1m\u202e") == "&lt;b&gt;\\x1b[1m\\u202e"


def test_nothing_is_shown_for_what_is_not_known() -> None:
    """
    The word None is not for people.
    """
    assert rendered("a{{ name }}b", name=None) == "ab"


def test_markup_of_a_template_stays_markup() -> None:
    """
    A style sheet is not escaped.
    """
    assert rendered("{{ name }}", name=Markup("<br>\n")) == "<br>\n"


def test_a_name_that_does_not_exist_is_an_error() -> None:
    """
    A misspelt name would be an empty place on a page.
    """
    with pytest.raises(UndefinedError):
        rendered("{{ nam }}", name="x")


@pytest.mark.parametrize(("text", "expected"), [("abcd", "abcd"), ("abcde", "abc…"), ("a\x00b", "a\\x…"), (None, "?")])
def test_a_long_text_is_cut_as_it_is_shown(text: str | None, expected: str) -> None:
    """
    The room counts in characters that are shown.
    """
    assert cut(text, 4) == expected


def test_a_time_is_shown_to_the_second() -> None:
    """
    And an unknown time is not shown.
    """
    assert (day_and_time("2026-11-22T03:17:04.118203Z"), day_and_time(None)) == ("2026-11-22 03:17:04", "")
