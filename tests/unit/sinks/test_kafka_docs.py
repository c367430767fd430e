"""
docs/sinks/kafka.md: what it says can be configured, can; what it says of errors is so.
"""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from aiokafka import errors

from collector.config import parse
from sinks.base import SinkConfig
from sinks.errors import DisabledError, TransientError
from sinks.kafka import KafkaConfig
from sinks.kafka.failures import INVALID_RECORD, TOO_LARGE, failure

TEXT = (Path(__file__).parents[3] / "docs/sinks/kafka.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
KINDS = {"comes again": TransientError, "waits": DisabledError}
PLAIN = {"name": "k", "type": "kafka", "bootstrap_servers": ["b:9092"], "topic": "t"}


def test_every_setting_has_a_row_with_its_default() -> None:
    """
    And no row is of a setting that does not exist.
    """
    told = dict(re.findall(r"^\| `([a-z_]+)(?: = (.+?))?` \|", TEXT, re.MULTILINE))
    common = {field.name for field in msgspec.structs.fields(SinkConfig)}
    assert set(told) == {field.name for field in msgspec.structs.fields(KafkaConfig)} - common
    defaults = {name: tomllib.loads(f"x = {value}")["x"] for name, value in told.items() if value}
    plain = msgspec.convert(PLAIN, KafkaConfig)
    assert msgspec.convert(PLAIN | defaults, KafkaConfig) == plain
    needed = {"bootstrap_servers", "topic"}
    assert set(defaults) == {name for name in told if getattr(plain, name) is not None} - needed


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_are_valid(example: str) -> None:
    """
    As configuration files.
    """
    assert {type(sink) for sink in parse(tomllib.loads(example), "f").sinks} == {KafkaConfig}


def test_there_are_examples() -> None:
    """
    The test above would pass without any.
    """
    assert len(EXAMPLES) == 2


def named(row: str) -> list[type[errors.BrokerResponseError]]:
    """
    The errors of a row, by the names that Kafka's protocol gives them.
    """
    classes = {kind.message: kind for kind in errors.kafka_errors.values()}
    return [classes[name] for name in re.findall(r"`([A-Z_]+)`", row)]


@pytest.mark.parametrize("row", re.findall(r"^\| (`[A-Z].*?) \|.*?\| (.*?) \|", TEXT, re.MULTILINE))
def test_errors_mean_what_the_table_says(row: tuple[str, str]) -> None:
    """
    Each that a row names. A topic that is missing is told as such when the sink is opened.
    """
    names, event = row
    for kind in named(names):
        if kind is errors.UnknownTopicOrPartitionError:
            continue
        if issubclass(kind, (*TOO_LARGE, INVALID_RECORD)):
            assert "put aside" in event
        else:
            assert type(failure(kind())) is KINDS[event]


def test_the_table_has_all_errors_that_need_a_person() -> None:
    """
    Of those that brokers send.
    """
    told = {kind for names in re.findall(r"^\| (`[A-Z].*?) \|", TEXT, re.MULTILINE) for kind in named(names)}
    for kind in errors.kafka_errors.values():
        if isinstance(failure(kind()), DisabledError):
            assert kind in told
