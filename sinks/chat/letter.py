"""
Writes a card as a letter: a title and a body of limited size, in plain text, Markdown or HTML, for any service.

Text from outside never becomes markup, a mention or a link, however the service renders the body. A body that is too
long loses its last sections first; only then are lines cut.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Final

from sinks.chat.card import TITLE_ROOM, WHERE_ROOM, Card, Section
from sinks.chat.escaping import escape_and_cut
from sinks.chat.markdown import ESCAPES, IN_CODE, NO_WIDTH, markdown


class Markup(StrEnum):
    """
    How the body of a letter is marked up.
    """

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimits:
    """
    What a service accepts: its markup, and how long a message may be.

    Attributes:
        markup: how the body is marked up.
        title_chars: the most characters of a title; 0: titles are part of the body.
        body_chars: the most characters of a body.
    """

    markup: Markup
    title_chars: int
    body_chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """
    A message with a title.

    Attributes:
        title: plain text; empty if the body begins with the title.
        body: at most as long as the service accepts.
    """

    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialect:
    """
    How a markup is written.

    Attributes:
        escapes: for text from outside.
        bold: a format with one place.
        between: what separates the parts of a body.
        section: renders a section.
    """

    escapes: Mapping[str, str]
    bold: str
    between: str
    section: Callable[[Section], str]


def letter_of(card: Card, limits: ServiceLimits) -> Letter:
    """
    Write a card as a letter.
    """
    if limits.title_chars > 0:
        return Letter(title=_title(card, limits.title_chars, _TITLE), body=_body(card, (), limits))
    dialect = _DIALECTS[limits.markup]
    heading = dialect.bold.format(_title(card, limits.body_chars, dialect.escapes))
    return Letter(title="", body=_body(card, (heading,), limits))


def _title(card: Card, most_chars: int, escapes: Mapping[str, str]) -> str:
    mark = f"{card.tone.mark} "
    return mark + escape_and_cut(card.title, max(min(TITLE_ROOM, most_chars - len(mark)), 1), escapes)


def _body(card: Card, head: Sequence[str], limits: ServiceLimits) -> str:
    """
    Return the longest body that fits; the place of the event goes last, after all lines but the first.
    """
    dialect = _DIALECTS[limits.markup]
    place = escape_and_cut(card.where, WHERE_ROOM, dialect.escapes)
    for tail in ((place,), ()):
        for sections in _shortened(card.sections):
            body = dialect.between.join((*head, *map(dialect.section, sections), *tail))
            if len(body) <= limits.body_chars:
                return body
    return _cut(card.sections[0], head, limits)


def _shortened(sections: Sequence[Section]) -> Iterator[Sequence[Section]]:
    """
    Yield fewer and fewer sections, then fewer and fewer lines of the first.
    """
    for count in range(len(sections), 0, -1):
        yield sections[:count]
    first = sections[0]
    for count in range(len(first.lines) - 1, 0, -1):
        yield (replace(first, lines=first.lines[:count]),)


def _cut(first: Section, head: Sequence[str], limits: ServiceLimits) -> str:
    """
    Return the beginning of the first line, or the heading alone if there is no space for more.
    """
    dialect = _DIALECTS[limits.markup]
    empty = dialect.between.join([*head, dialect.section(replace(first, lines=("",)))])
    left = limits.body_chars - len(empty)
    if left <= 0 and head:
        return head[0]
    line = replace(first, lines=first.lines[:1], room=max(left, 1))
    return dialect.between.join([*head, dialect.section(line)])


def _text(section: Section) -> str:
    indent = "    " if section.verbatim else ""
    lines = [f"{indent}{escape_and_cut(line, section.room, _TEXT)}" for line in section.lines]
    return "\n".join([f"{section.heading}:", *lines] if section.heading is not None else lines)


def _html(section: Section) -> str:
    lines = [escape_and_cut(line, section.room, _HTML) for line in section.lines]
    heading = f"<b>{section.heading}</b><br/>" if section.heading is not None else ""
    block = "\n".join(lines)
    return heading + (f"<pre>{block}</pre>" if section.verbatim else "<br/>".join(lines))


# A service may look for mentions and links even in plain text and code, also for those of Markdown.
_TEXT: Final = {token: escape for token, escape in ESCAPES.items() if NO_WIDTH in escape} | {"]": f"]{NO_WIDTH}"}
# A service may decode entities after it has parsed the Markdown.
_MARKDOWN: Final = {**ESCAPES, "&": f"&{NO_WIDTH}"}
_CODE: Final = {**_TEXT, **IN_CODE}
_HTML: Final = {**_TEXT, "&": "&amp;", "<": f"&lt;{NO_WIDTH}", ">": "&gt;", '"': "&quot;"}
# A service may put a title into any markup, so that no escape fits: what begins markup is replaced by a likeness.
_TITLE: Final = {
    **_TEXT,
    "&": "\N{FULLWIDTH AMPERSAND}",
    "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
    ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
    "[": "\N{FULLWIDTH LEFT SQUARE BRACKET}",
    "]": "\N{FULLWIDTH RIGHT SQUARE BRACKET}",
    "*": "\N{ASTERISK OPERATOR}",
    "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
    "|": "\N{DIVIDES}",
    "\\": "\N{SET MINUS}",
}
_DIALECTS: Final[Mapping[Markup, _Dialect]] = {
    Markup.TEXT: _Dialect(escapes=_TEXT, bold="{}", between="\n\n", section=_text),
    Markup.MARKDOWN: _Dialect(
        escapes=_MARKDOWN,
        bold="**{}**",
        between="\n\n",
        section=partial(markdown, escapes=_MARKDOWN, in_code=_CODE),
    ),
    Markup.HTML: _Dialect(escapes=_HTML, bold="<b>{}</b>", between="<br/><br/>", section=_html),
}
