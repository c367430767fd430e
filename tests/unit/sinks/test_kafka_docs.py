"""
docs/sinks/kafka.md describes the settings that exist and the errors as they are.
"""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from aiokafka import errors

from collector.config.loader import parse
from sinks.base import SinkConfig
from sinks.errors import DisabledError, TransientError
from sinks.kafka import KafkaConfig
from sinks.kafka.failures import INVALID_RECORD, TOO_LARGE, failure

TEXT = (Path(__file__).parents[3] / "docs/sinks/kafka.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
KINDS = {"is retried": TransientError, "waits": DisabledError}
PLAIN = {"name": "k", "type": "kafka", "bootstrap_servers": ["b:9092"], "topic": "t"}


def test_every_setting_has_a_row_with_its_default() -> None:
    """
    Every setting has a row with its default, and every row has a setting.
    """
    found = dict(re.findall(r"^\| `([a-z_]+)(?: = (.+?))?` \|", TEXT, re.MULTILINE))
    common = {field.name for field in msgspec.structs.fields(SinkConfig)}
    assert set(found) == {field.name for field in msgspec.structs.fields(KafkaConfig)} - common
    defaults = {name: tomllib.loads(f"x = {value}")["x"] for name, value in found.items() if value}
    plain = msgspec.convert(PLAIN, KafkaConfig)
    assert msgspec.convert(PLAIN | defaults, KafkaConfig) == plain
    needed = {"bootstrap_servers", "topic"}
    assert set(defaults) == {name for name in found if getattr(plain, name) is not None} - needed


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_are_valid(example: str) -> None:
    """
    The examples are valid configuration files.
    """
    assert {type(sink) for sink in parse(tomllib.loads(example), "f").sinks} == {KafkaConfig}


def test_there_are_examples() -> None:
    """
    The page has examples; without any, the test above would pass.
    """
    assert len(EXAMPLES) == 2


def named(row: str) -> list[type[errors.BrokerResponseError]]:
    """
    Yield the errors of a row, by the names of Kafka's protocol.
    """
    classes = {kind.message: kind for kind in errors.kafka_errors.values()}
    return [classes[name] for name in re.findall(r"`([A-Z_]+)`", row)]


@pytest.mark.parametrize("row", re.findall(r"^\| (`[A-Z].*?) \|.*?\| (.*?) \|", TEXT, re.MULTILINE))
def test_errors_mean_what_the_table_says(row: tuple[str, str]) -> None:
    """
    Each error of the table has the meaning of its row; a missing topic is found when the sink is opened.
    """
    names, event = row
    for kind in named(names):
        if kind is errors.UnknownTopicOrPartitionError:
            continue
        if issubclass(kind, (*TOO_LARGE, INVALID_RECORD)):
            assert "becomes a dead letter" in event
        else:
            assert type(failure(kind())) is KINDS[event]


def test_the_table_has_all_errors_that_need_a_person() -> None:
    """
    The table has every broker error that a person must fix.
    """
    found = {kind for names in re.findall(r"^\| (`[A-Z].*?) \|", TEXT, re.MULTILINE) for kind in named(names)}
    for kind in errors.kafka_errors.values():
        if isinstance(failure(kind()), DisabledError):
            assert kind in found
