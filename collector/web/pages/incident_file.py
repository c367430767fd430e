"""
Incidents as one HTML file that needs nothing else: no script, no font, no picture, no other host.
"""

from collections.abc import Sequence

from jinja2 import Environment

from collector.web.pages.incident import Incident
from collector.web.pages.templating import content_hash, stylesheet


def html_file(templates: Environment, incidents: Sequence[Incident], *, left_out: int = 0) -> str:
    """
    Render incidents as one document.

    Its own Content-Security-Policy allows its style sheet and nothing else, wherever the file is opened.

    Args:
        templates: the templates of this package.
        incidents: one or more.
        left_out: how many older incidents are not in the file.
    """
    return templates.get_template("file.html").render(policy=policy(), incidents=incidents, left_out=left_out)


def policy() -> str:
    """
    Return the Content-Security-Policy of a file.
    """
    return f"default-src 'none'; style-src '{content_hash(stylesheet())}'; base-uri 'none'; form-action 'none'"
