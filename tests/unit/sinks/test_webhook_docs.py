"""
docs/sinks/webhook.md: its snippets work, and its tables of settings and statuses are true.
"""

import base64
import re
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from collector.config.loader import parse
from sinks.base import SinkConfig
from sinks.errors import DisabledError, PermanentError, TransientError
from sinks.http import error_for_status
from sinks.signing import Signer
from sinks.webhook import WebhookConfig

TEXT = (Path(__file__).parents[3] / "docs/sinks/webhook.md").read_text(encoding="utf-8")
SECRET, OTHER = ("whsec_" + base64.b64encode(letter * 32).decode() for letter in (b"a", b"b"))
BODY = orjson.dumps({"message": "Ünïcödé"})


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def own_settings() -> set[str]:
    common = {field.name for field in msgspec.structs.fields(SinkConfig)}
    return {field.name for field in msgspec.structs.fields(WebhookConfig)} - common


def test_every_setting_has_a_row_with_its_default() -> None:
    """
    Every setting has a row with its default, and every row has a setting.
    """
    rows = re.findall(r"^\| (`[a-z_]+(?: = .+?)?`(?: or `[a-z_]+`)?) \|", TEXT, re.MULTILINE)
    found = dict(re.findall(r"`([a-z_]+)(?: = (.+?))?`", " ".join(rows)))
    assert set(found) == own_settings()
    defaults = {name: tomllib.loads(f"x = {value}")["x"] for name, value in found.items() if value}
    plain = WebhookConfig(name="w", type="webhook")
    assert msgspec.convert({"name": "w", "type": "webhook", **defaults}, WebhookConfig) == plain
    assert set(defaults) == {name for name in found if getattr(plain, name) is not None}


@pytest.mark.parametrize("example", blocks("toml"))
def test_the_examples_are_valid(example: str) -> None:
    """
    The examples are valid configuration files.
    """
    (sink,) = parse(tomllib.loads(example), "f").sinks
    assert isinstance(sink, WebhookConfig)


def attempt(secret: str, at_s: float) -> dict[str, str]:
    """
    Return the headers of a request.
    """
    keys = [base64.b64decode(text.removeprefix("whsec_")) for text in (OTHER, secret)]
    signature = Signer(keys).signature("e1", int(at_s), BODY)
    return {"webhook-id": "e1", "webhook-timestamp": str(int(at_s)), "webhook-signature": signature}


@pytest.mark.parametrize("snippet", blocks("python"))
def test_the_snippets_verify_what_the_sink_signs(snippet: str) -> None:
    """
    The snippets accept the sink's requests and refuse another body, another secret, and an old request.
    """
    names: dict[str, Any] = {}
    exec(snippet, names)  # noqa: S102 (our own page)
    event_of: Callable[[str, dict[str, str], bytes], object] = names["event_of"]
    headers = attempt(SECRET, time.time())
    assert event_of(SECRET, headers, BODY) == orjson.loads(BODY)
    stranger = "whsec_" + base64.b64encode(b"c" * 32).decode()
    for secret, sent, body in (
        (SECRET, headers, BODY + b" "),
        (stranger, headers, BODY),
        (SECRET, attempt(SECRET, time.time() - 301), BODY),
    ):
        with pytest.raises(Exception, match=r"(?i)matching|old|secret"):
            event_of(secret, sent, body)


def test_there_are_two_snippets_and_two_examples() -> None:
    """
    The page has two snippets and two examples; without any, the tests above would pass.
    """
    assert (len(blocks("python")), len(blocks("toml"))) == (2, 2)


KINDS = {"is retried": TransientError, "becomes a dead letter": PermanentError, "waits": DisabledError}


@pytest.mark.parametrize("row", re.findall(r"^\| ([345].*?) \|.*?\| (.*?) \|", TEXT, re.MULTILINE))
def test_statuses_mean_what_the_table_says(row: tuple[str, str]) -> None:
    """
    Each status of the table has the meaning of its row, and for a class its first and last status.
    """
    statuses, event = row
    for word in re.findall(r"\d(?:\d\d|xx)", statuses.replace("all other 4xx", "418")):
        for status in (word,) if word.isdigit() else (word.replace("x", "0"), word.replace("x", "9")):
            assert type(error_for_status(int(status), None, "h")) is KINDS[event]
