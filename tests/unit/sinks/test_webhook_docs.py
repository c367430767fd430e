"""
docs/sinks/webhook.md: what it says can be done, works; what it says of answers is so.
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

from collector.config import parse
from sinks.base import SinkConfig
from sinks.errors import DisabledError, PermanentError, TransientError
from sinks.http import verdict
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
    And no row is of a setting that does not exist.
    """
    rows = re.findall(r"^\| (`[a-z_]+(?: = .+?)?`(?: or `[a-z_]+`)?) \|", TEXT, re.MULTILINE)
    told = dict(re.findall(r"`([a-z_]+)(?: = (.+?))?`", " ".join(rows)))
    assert set(told) == own_settings()
    defaults = {name: tomllib.loads(f"x = {value}")["x"] for name, value in told.items() if value}
    plain = WebhookConfig(name="w", type="webhook")
    assert msgspec.convert({"name": "w", "type": "webhook", **defaults}, WebhookConfig) == plain
    assert set(defaults) == {name for name in told if getattr(plain, name) is not None}


@pytest.mark.parametrize("example", blocks("toml"))
def test_the_examples_are_valid(example: str) -> None:
    """
    As configuration files.
    """
    (sink,) = parse(tomllib.loads(example), "f").sinks
    assert isinstance(sink, WebhookConfig)


def attempt(secret: str, at_s: float) -> dict[str, str]:
    """
    The headers of a request.
    """
    keys = [base64.b64decode(text.removeprefix("whsec_")) for text in (OTHER, secret)]
    signature = Signer(keys).signature("e1", int(at_s), BODY)
    return {"webhook-id": "e1", "webhook-timestamp": str(int(at_s)), "webhook-signature": signature}


@pytest.mark.parametrize("snippet", blocks("python"))
def test_the_snippets_verify_what_the_sink_signs(snippet: str) -> None:
    """
    And refuse another body, another secret, and what is old.
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
    The tests above would pass without any.
    """
    assert (len(blocks("python")), len(blocks("toml"))) == (2, 2)


KINDS = {"comes again": TransientError, "is put aside": PermanentError, "waits": DisabledError}


@pytest.mark.parametrize("row", re.findall(r"^\| ([345].*?) \|.*?\| (.*?) \|", TEXT, re.MULTILINE))
def test_answers_mean_what_the_table_says(row: tuple[str, str]) -> None:
    """
    Each status that a row names, and for a class its first and last.
    """
    statuses, event = row
    for word in re.findall(r"\d(?:\d\d|xx)", statuses.replace("all other 4xx", "418")):
        for status in (word,) if word.isdigit() else (word.replace("x", "0"), word.replace("x", "9")):
            assert type(verdict(int(status), None, "h")) is KINDS[event]
