"""
Messages as chats receive them, byte for byte: golden/*.json.

After an intended change, run with GOLDEN=write and read the difference.
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
def test_a_message_is_the_golden_one(name: str, template: Template) -> None:
    """
    A message has what happened, evidence, curve, advice and log lines, each only if there is something to show.
    """
    found = orjson.loads(message_of(SCENES[name](), template))
    text = orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    path = GOLDEN / f"{name}.{template.value}.json"
    if os.environ.get("GOLDEN") == "write":
        path.write_bytes(text)
    assert text == path.read_bytes()


@pytest.mark.parametrize("template", Template)
@pytest.mark.parametrize("name", SCENES)
def test_a_message_is_accepted_by_its_chat(name: str, template: Template) -> None:
    """
    Every message keeps to the limits of its chat and has no markup from outside.
    """
    check(template, message_of(SCENES[name](), template))
