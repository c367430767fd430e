"""
Messages as chats get them, byte for byte: golden/*.json.

After a change that is meant: run with GOLDEN=write, and read the difference.
"""

import os
from pathlib import Path

import orjson
import pytest

from sinks.chat import Template, message_of
from tests.unit.sinks.chat.limits import check
from tests.unit.sinks.chat.scenes import SCENES

GOLDEN = Path(__file__).parent / "golden"
# Slack's form is held in full; of the others one message of each kind.
CASES = [(name, Template.SLACK) for name in SCENES]
CASES += [(name, template) for name in ("leak", "overview") for template in Template if template is not Template.SLACK]


@pytest.mark.parametrize(("name", "template"), CASES, ids=str)
def test_a_message_is_as_it_was(name: str, template: Template) -> None:
    """
    What died, why, the proof, the curve, what to do, the last lines: each only where there is something to tell.
    """
    found = orjson.loads(message_of(SCENES[name](), template))
    text = orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    path = GOLDEN / f"{name}.{template.value}.json"
    if os.environ.get("GOLDEN") == "write":
        path.write_bytes(text)
    assert text == path.read_bytes()


@pytest.mark.parametrize("template", Template)
@pytest.mark.parametrize("name", SCENES)
def test_a_message_is_what_its_chat_takes(name: str, template: Template) -> None:
    """
    Within all limits, and without markup from outside.
    """
    check(template, message_of(SCENES[name](), template))
