"""
Sections of a card in the Markdown of Mattermost and Discord.

Characters that begin markup get a backslash; what would become a mention or a link gets a zero-width space.
"""

from collections.abc import Mapping
from itertools import product
from typing import Final

from sinks.chat.card import Section
from sinks.chat.escaping import escape_and_cut

NO_WIDTH: Final = "\N{ZERO WIDTH SPACE}"
ESCAPES: Final = {
    **{char: f"\\{char}" for char in r"\`*_|[]()>!"},
    **{char: f"{char}{NO_WIDTH}" for char in "@<#~"},
    "://": f":{NO_WIDTH}//",
    # Mattermost makes links of names that start with www, even without a scheme.
    **{f"{www}.": f"{www}{NO_WIDTH}." for www in map("".join, product("wW", repeat=3))},
}
# Three backticks would end the code block; Mattermost obeys Slack's `<!channel>` even inside one.
IN_CODE: Final = {"`": "\N{MODIFIER LETTER GRAVE ACCENT}", "<": f"<{NO_WIDTH}"}


def markdown(section: Section, escapes: Mapping[str, str] = ESCAPES, in_code: Mapping[str, str] = IN_CODE) -> str:
    """
    Render a section.

    Args:
        section: the section.
        escapes: for text from outside, as for `escape_and_cut`.
        in_code: the same, for what is in a code block.
    """
    heading = f"**{section.heading}**\n" if section.heading is not None else ""
    chosen = in_code if section.verbatim else escapes
    lines = "\n".join(escape_and_cut(line, section.room, chosen) for line in section.lines)
    return f"{heading}```\n{lines}\n```" if section.verbatim else f"{heading}{lines}"
