"""
A card as a letter: what it says, how it becomes shorter, and that text from outside is only text.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from sinks.base import Outgoing
from sinks.chat.card import Card, Section, Tone
from sinks.chat.letter import Letter, Markup, ServiceLimits, letter_of
from sinks.chat.story import card_of
from tests.unit.sinks.chat.scenes import SCENES, leak
from tests.unit.sinks.chat.test_hostile import NASTY, messages

LARGE: Final = 32_768
# What a service may take for a mention or a link wherever it is.
LIVE: Final = re.compile(r"@(?!\u200b)|<[@!#]|://|\bwww\.|\]\((?!\u200b)", re.IGNORECASE)
TAGS: Final = {"b", "br", "pre"}
TOKENS: Final = {
    *("text", "softbreak", "hardbreak", "inline", "fence", "strong_open", "strong_close"),
    *("paragraph_open", "paragraph_close", "list_item_open", "list_item_close"),
    *("bullet_list_open", "bullet_list_close", "ordered_list_open", "ordered_list_close"),
}


class Tags(HTMLParser):
    """
    Checks that HTML has no element but those of a letter, each without attributes and closed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert (tag in TAGS, attrs) == (True, [])
        self.open += [tag] if tag != "br" else []

    def handle_endtag(self, tag: str) -> None:
        assert tag == "br" or self.open.pop() == tag


def tokens(found: list[Token]) -> Iterator[str]:
    for token in found:
        yield token.type
        yield from tokens(token.children or [])


def check(letter: Letter, limits: ServiceLimits) -> None:
    """
    Check that a letter fits and is only text.
    """
    assert len(letter.title) <= max(limits.title_chars, 0)
    assert len(letter.body) <= limits.body_chars
    assert letter.body
    assert LIVE.search(letter.title) is None
    assert re.search(r"[<>`*\[\]\\\n]", letter.title) is None
    match limits.markup:
        case Markup.TEXT:
            assert LIVE.search(letter.body) is None
        case Markup.MARKDOWN:
            assert set(tokens(MarkdownIt().parse(letter.body))) <= TOKENS
            assert re.search(r"@(?!\u200b)|<[@!#]|://", letter.body) is None
        case Markup.HTML:
            parser = Tags()
            parser.feed(letter.body)
            parser.close()
            assert parser.open == []
            assert re.search(r"<(?!/?(b|br|pre)\b)|&(?!(amp|lt|gt|quot);)", letter.body) is None
            assert re.search(r"@(?!\u200b)|://|&lt;[@!#]", letter.body) is None


@pytest.mark.parametrize("titled", [True, False])
@pytest.mark.parametrize("markup", Markup)
@pytest.mark.parametrize("scene", SCENES)
def test_everything_that_the_card_says_is_in_the_letter(scene: str, markup: Markup, titled: bool) -> None:
    """
    Where there is space, title, headings, lines and place are there, in their order.
    """
    card = card_of(SCENES[scene]())
    limits = ServiceLimits(markup=markup, title_chars=200 if titled else 0, body_chars=LARGE)
    letter = letter_of(card, limits)
    check(letter, limits)
    text = letter.title + letter.body
    assert bool(letter.title) is titled
    places = [text.index(word) for word in words(card)]
    assert places == sorted(places)


def words(card: Card) -> list[str]:
    """
    Return something of each part that no markup changes.
    """
    return [card.tone.mark, *(section.heading for section in card.sections if section.heading), card.where.split()[0]]


@pytest.mark.parametrize("markup", Markup)
def test_a_body_that_is_too_long_loses_its_last_sections_first(markup: Markup) -> None:
    """
    The place of the event stays as long as it fits; the sentence stays longest.
    """
    card = card_of(leak())
    limits = ServiceLimits(markup=markup, title_chars=250, body_chars=LARGE)
    whole = len(letter_of(card, limits).body)
    shorter = letter_of(card, ServiceLimits(markup=markup, title_chars=250, body_chars=whole - 1)).body
    assert "Last log lines" not in shorter
    assert "Advice" in shorter
    assert card.where.split()[0] in shorter
    sentence = letter_of(card, ServiceLimits(markup=markup, title_chars=250, body_chars=420)).body
    assert sentence.startswith("Container ")
    assert card.where.split()[0] in sentence
    assert "Evidence" not in sentence


@pytest.mark.parametrize("body_chars", [1, 5, 67, 80, 140, 160, 280])
def test_a_short_message_begins_with_the_title(body_chars: int) -> None:
    """
    Services for pagers and phones take little, and have no title of their own.
    """
    limits = ServiceLimits(markup=Markup.TEXT, title_chars=0, body_chars=body_chars)
    letter = letter_of(card_of(leak()), limits)
    assert len(letter.body) <= max(body_chars, 3)
    assert letter.body.startswith("\N{LARGE RED CIRCLE} ")
    assert ("shop/api was OOM-killed" in letter.body) is (body_chars > 25)
    assert ("Container" in letter.body) is (body_chars > 60)


def test_an_overview_loses_rows() -> None:
    """
    Of many groups the first are named, as many as fit with the place.
    """
    card = Card(
        tone=Tone.BAD,
        title="9 OOM kills",
        sections=(Section(lines=tuple(f"row {number}" for number in range(9)), room=100),),
        where="node",
    )
    body = letter_of(card, ServiceLimits(markup=Markup.TEXT, title_chars=0, body_chars=50)).body
    _, rows, place = body.split("\n\n")
    assert rows.splitlines() == [f"row {number}" for number in range(5)]
    assert place == "node"


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("markup", Markup)
def test_no_known_trick_is_more_than_text(markup: Markup, text: str) -> None:
    """
    Not in a title, not in a line, and not in the output of a program.
    """
    card = Card(
        tone=Tone.BAD,
        title=text,
        sections=(
            Section(lines=(f"x {text}",), room=600),
            Section(heading="Log", lines=(text,), room=99, verbatim=True),
        ),
        where=text,
    )
    for title_chars in (0, 60):
        limits = ServiceLimits(markup=markup, title_chars=title_chars, body_chars=4096)
        check(letter_of(card, limits), limits)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    message=messages,
    limits=st.builds(
        ServiceLimits,
        markup=st.sampled_from(Markup),
        title_chars=st.sampled_from([0, 20, 60, 250]),
        body_chars=st.integers(1000, LARGE),
    ),
)
def test_any_message_fits_and_is_only_text(message: list[Outgoing], limits: ServiceLimits) -> None:
    """
    Whatever names and logs contain.
    """
    check(letter_of(card_of(message), limits), limits)
