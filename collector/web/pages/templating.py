"""
Templates that are safe with text from outside.

Names, labels and log lines can hold anything. So every value that a template prints is first made printable (no control
characters, no terminal sequences, no reversed text) and then escaped for HTML. A template cannot forget either. A name
that a template misspells is an error, not an empty place on a page.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sinks.text import duration, printable, size

FOLDER: Final = Path(__file__).parent / "templates"
_SECONDS: Final = len("2026-11-22 03:17:04")
_CUT_CHARACTERS: Final = 120


def environment() -> Environment:
    """
    Return a new environment with the templates of this folder.
    """
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"size": size, "duration": duration, "day_and_time": day_and_time, "cut": cut}
    made.globals["style"] = stylesheet
    # A hub names the hosts of what it lists.
    made.globals["shows_hosts"] = False
    return made


def shown(value: object) -> object:
    """
    Return a value as a template prints it: text without unprintable characters, nothing for None.

    Jinja calls this for every value, before it escapes. Markup that a template made itself stays as it is.
    """
    if value is None:
        return ""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def day_and_time(stamp: str | None) -> str:
    """
    Format an RFC 3339 time to the second, as in `2026-11-22 03:17:04`; empty if the time is unknown.
    """
    return (stamp or "")[:_SECONDS].replace("T", " ")


def cut(text: str | None, characters: int = _CUT_CHARACTERS) -> str:
    """
    Return the beginning of a text; a text that is cut ends in an ellipsis. `?` if the text is unknown.
    """
    text = printable(text)
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


@cache
def stylesheet() -> Markup:
    """
    Return the style sheet, to stand between the tags of `style`.
    """
    return Markup((FOLDER / "style.css").read_text(encoding="utf-8"))  # noqa: S704 (a file of this package)


def content_hash(text: str) -> str:
    """
    Return the hash of an inline style or script, as a Content-Security-Policy names it (CSP Level 3, section 2.3.1).
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
