"""
Every text of a published event is masked, whichever field it is in.
"""

from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

import orjson
import pytest

from sinks.base import Outgoing
from sinks.chat.story import card_of
from sinks.event import Container, Event, EventType, Image, document, encoded, to_json
from tests.unit.sinks.test_event_schema import filled

SECRET: Final = "hunter2Xk9v"  # noqa: S105 (the word to look for)
KEY: Final = (
    "-----BEGIN PRIVATE KEY-----",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ",
    "-----END PRIVATE KEY-----",
)


def poisoned(value: Any, text: str) -> Any:  # noqa: ANN401 (any part of an event)
    """
    Return a part of an event with a text in every string of it; enums and labels' names stay.
    """
    if type(value) is str:
        return text
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{item.name: poisoned(getattr(value, item.name), text) for item in fields(value)})
    if isinstance(value, tuple):
        return tuple(poisoned(item, text) for item in value)
    if isinstance(value, dict):
        return {name: poisoned(item, text) for name, item in value.items()}
    return value


@pytest.mark.parametrize("kind", EventType)
def test_a_secret_in_any_text_is_masked(kind: EventType) -> None:
    """
    With a secret in every text of every field, the encoded event and its columns in the store have none.
    """
    event = replace(poisoned(filled(Event), f"connecting with password={SECRET}"), id="1", type=kind)
    assert SECRET in repr(event)
    outgoing = encoded(event)
    assert SECRET not in repr(outgoing)
    assert outgoing.body.count(b"password=***") > 50


def test_a_secret_in_any_text_reaches_no_chat() -> None:
    """
    The card that people read has no secret either.
    """
    event = replace(
        poisoned(filled(Event), f"connecting with password={SECRET}"), id="1", type=EventType.CONTAINER_DEATH
    )
    card = card_of([Outgoing(id="1", type=event.type.value, key="k", body=to_json(event))])
    assert SECRET not in repr(card)
    assert "password=***" in repr(card)


def test_the_value_of_a_label_is_masked_by_its_name() -> None:
    """
    A label whose name says that it is a secret is masked whole; the others are masked as any text.
    """
    labels = {"db.password": SECRET, "com.docker.compose.project": "shop", "url": f"http://me:{SECRET}@host/"}
    event = replace(filled(Event), container=Container(labels=labels, image=Image(name=f"me:{SECRET}@registry/shop")))
    data = orjson.loads(to_json(event))["data"]
    container = data["container"]
    assert container["labels"] == {
        "db_password": "***",
        "com_docker_compose_project": "shop",
        "url": "http://***@host/",
    }
    assert data["exit137"]["labels"][0] == "db.password=***"
    assert container["image"]["name"] == "me:***@registry/shop"


def test_the_lines_of_a_log_are_masked_together() -> None:
    """
    A private key is masked although it takes several lines of the log.
    """
    event = filled(Event)
    event = replace(event, exit137=replace(event.exit137, logs=("before", *KEY, "after")))
    assert document(event)["data"]["exit137"]["logs"] == ["before", "***", "***", "***", "after"]


def test_ids_and_names_stay() -> None:
    """
    What events are joined by is published as it is.
    """
    event = replace(filled(Event), subject=f"container/{'a' * 64}", container=Container(id="a" * 64, name="token-1"))
    outgoing = encoded(event)
    assert (outgoing.subject, outgoing.key, outgoing.container_id) == (f"container/{'a' * 64}", "a" * 64, "a" * 64)
    assert orjson.loads(outgoing.body)["data"]["container"]["name"] == "token-1"
