"""
The setting `format` of the sinks for programs.
"""

from typing import Any, Final

import pytest

from collector.config.loader import ConfigurationError, parse
from sinks.formats import Format

NEEDED: Final[dict[str, dict[str, Any]]] = {
    "file": {"path": "/p"},
    "webhook": {"url": "http://h/"},
    "kafka": {"bootstrap_servers": ["b:9092"], "topic": "t"},
    "opensearch": {"url": "http://h/", "index": "i"},
}


@pytest.mark.parametrize("kind", NEEDED)
@pytest.mark.parametrize("form", Format)
def test_each_sink_for_programs_takes_each_format(kind: str, form: Format) -> None:
    """
    The words are those of the closed set.
    """
    table = {"name": "s", "type": kind, "format": form.value, **NEEDED[kind]}
    (sink,) = parse({"sinks": [table]}, "f").sinks
    assert sink.format is form  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", NEEDED)
def test_another_word_is_an_error_that_names_the_formats(kind: str) -> None:
    """
    Who mistypes reads which words there are.
    """
    with pytest.raises(ConfigurationError) as caught:
        parse({"sinks": [{"name": "s", "type": kind, "format": "oscf", **NEEDED[kind]}]}, "f")
    assert all(form.value in str(caught.value) for form in Format)
