"""
Types of arguments that several commands take: they refuse what an unset shell variable or a typing error gives.
"""

import math
from pathlib import Path
from typing import Any, Final

import click

# More rows than any store has; SQLite takes no number of more than 64 bits.
_MOST_ROWS: Final = 2**31 - 1
_LONGEST_S: Final = 31_536_000.0


class _Text(click.ParamType[str]):
    """
    A text that is not empty.
    """

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """
        Return the text.
        """
        if not value.strip():
            self.fail("it is empty", param, ctx)
        return value


class _File(click.ParamType[Path]):
    """
    The name of a file or folder, which is not empty: `Path("")` would be the current folder.
    """

    name = "path"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """
        Return the path.
        """
        if not str(value) or "\0" in str(value):
            self.fail("it is not the name of a file", param, ctx)
        return Path(value)


class _Seconds(click.FloatRange):
    """
    A duration of at most a year, in seconds.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """
        Return the duration.
        """
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is not a number of seconds", param, ctx)
        return seconds


ROWS: Final = click.IntRange(min=0, max=_MOST_ROWS)
TEXT: Final = _Text()
FILE: Final = _File()
SECONDS: Final = _Seconds(min=0, max=_LONGEST_S)
