"""
What the commands print on standard error.

Messages quote engines, destinations, files and addresses, so secrets are masked and control characters escaped here,
for all of them.
"""

import traceback
from types import TracebackType

import click

from sinks.masking import mask_text
from sinks.text import printable_output


def notice(message: str) -> None:
    """
    Print a message on standard error.
    """
    click.echo("\n".join(map(printable_output, mask_text(f"exit137: {message}").split("\n"))), err=True)


def print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """
    Print the traceback of an error that nobody expected: a hook as `sys.excepthook`.
    """
    notice("this is an error in exit137:\n" + "".join(traceback.format_exception(kind, error, trace)).rstrip("\n"))
