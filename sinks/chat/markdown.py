"""
A card in Markdown, as Mattermost and Discord read it.

What begins markup has a backslash before it; what would become a mention or a link has a space of no width within it.
"""

from collections.abc import Mapping
from itertools import product
from typing import Final

from sinks.chat.card import Section
from sinks.chat.text import fitted

_NO_WIDTH: Final = "\N{ZERO WIDTH SPACE}"
ESCAPES: Final = {
    **{char: f"\\{char}" for char in r"\`*_|[]()>!"},
    **{char: f"{char}{_NO_WIDTH}" for char in "@<#~"},
    "://": f":{_NO_WIDTH}//",
    # Mattermost makes a link of it without a scheme.
    **{f"{www}.": f"{www}{_NO_WIDTH}." for www in map("".join, product("wW", repeat=3))},
}
# Three backticks would end the code; Mattermost reads Slack's `<!channel>` even there.
_IN_CODE: Final = {"`": "\N{MODIFIER LETTER GRAVE ACCENT}", "<": f"<{_NO_WIDTH}"}


def markdown(section: Section) -> str:
    """
    One section.
    """
    heading = f"**{section.heading}**\n" if section.heading is not None else ""
    lines = "\n".join(fitted(line, section.room, _escapes(section)) for line in section.lines)
    return f"{heading}```\n{lines}\n```" if section.verbatim else f"{heading}{lines}"


def _escapes(section: Section) -> Mapping[str, str]:
    return _IN_CODE if section.verbatim else ESCAPES
