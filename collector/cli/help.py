"""
Help texts in whole sentences.
"""

from typing import Final

import click

# Longer than the first sentence of any command.
_SENTENCE: Final = 400


class SentenceGroup(click.Group):
    """
    A group of commands whose list has the first sentence of each, whole: click would cut it to fit one line.
    """

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """
        Write the list of commands.
        """
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        sentences = [(name, one.get_short_help_str(_SENTENCE)) for name, one in commands if one is not None]
        with formatter.section("Commands"):
            formatter.write_dl(sentences)
