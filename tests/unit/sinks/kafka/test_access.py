"""
What a configuration must hold before anything is sent, and that nothing secret of it is told.
"""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import codec

from sinks.errors import DisabledError, Reason
from sinks.kafka import KafkaConfig
from sinks.kafka.access import access

HIDDEN = "correct-horse"


def config(**settings: Any) -> KafkaConfig:  # noqa: ANN401 (any setting)
    given = {"name": "k", "type": "kafka", "bootstrap_servers": ["b:9093"], "topic": "t"}
    return msgspec.convert(given | settings, KafkaConfig)


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text(f"{HIDDEN}\n")
    return str(path)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"sasl_username": "u"}, "sasl_username needs a sasl_mechanism"),
        ({"sasl_mechanism": "PLAIN"}, "PLAIN needs sasl_username and sasl_password_file"),
        ({"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "u"}, "SCRAM-SHA-512 needs sasl_username and"),
        ({"sasl_mechanism": "PLAIN", "sasl_token_file": "f"}, "sasl_token_file needs another sasl_mechanism"),
        ({"sasl_mechanism": "OAUTHBEARER"}, "OAUTHBEARER needs sasl_token_file"),
        ({"sasl_mechanism": "OAUTHBEARER", "sasl_username": "u"}, "sasl_username needs another sasl_mechanism"),
        ({"sasl_mechanism": "OAUTHBEARER", "sasl_token_file": "/no"}, "sasl_token_file /no: FileNotFoundError"),
        ({"bootstrap_servers": ["b:kafka"]}, 'bootstrap_servers: expected "host:port", not "b:kafka"'),
        ({"tls": True, "key_file": "k"}, "key_file needs cert_file"),
        ({"ca_file": "/no"}, "ca_file /no: FileNotFoundError"),
    ],
)
def test_what_cannot_work_is_refused_by_the_name_of_the_setting(settings: dict[str, Any], problem: str) -> None:
    """
    Before any broker is asked.
    """
    with pytest.raises(DisabledError) as caught:
        access(config(**settings))
    assert caught.value.reason is Reason.UNUSABLE
    assert caught.value.detail.startswith(problem)


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_a_compression_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch, compression: str) -> None:
    """
    With what installs it; gzip is always there.
    """
    monkeypatch.setattr(codec, "cramjam", None)
    if compression in ("none", "gzip"):
        access(config(compression=compression))
        return
    with pytest.raises(DisabledError) as caught:
        access(config(compression=compression))
    assert "pip install exit137[kafka]" in caught.value.detail


def test_a_password_shows_nowhere(secret: str) -> None:
    """
    It is read without the end of its line, and handed to the client alone.
    """
    given = config(sasl_mechanism="PLAIN", sasl_username="u", sasl_password_file=secret)
    found = access(given)
    assert HIDDEN not in repr(found)
    assert found.settings(given)["sasl_plain_password"] == HIDDEN


def test_a_token_shows_nowhere(secret: str) -> None:
    """
    And is what the file holds when it is asked for.
    """
    found = access(config(sasl_mechanism="OAUTHBEARER", sasl_token_file=secret))
    assert HIDDEN not in repr(found)
    assert found.token is not None
    assert asyncio.run(found.token.token()) == HIDDEN
    Path(secret).write_text("another\n")
    assert asyncio.run(found.token.token()) == "another"


@pytest.mark.parametrize(
    ("settings", "protocol"),
    [({}, "PLAINTEXT"), ({"tls": True}, "SSL")],
)
def test_tls_is_spoken_if_it_is_asked_for(settings: dict[str, Any], protocol: str) -> None:
    """
    By its own setting; naming a file of it is enough (below).
    """
    given = config(**settings)
    assert access(given).settings(given)["security_protocol"] == protocol


def test_naming_an_authority_asks_for_tls() -> None:
    """
    Else it would be passed over, and events be sent in the clear.
    """
    assert config(ca_file="ca.pem").speaks_tls
    assert config(cert_file="client.pem").speaks_tls
    assert not config().speaks_tls


@pytest.mark.parametrize(
    "settings",
    [
        {"topic": "a b"},
        {"topic": ""},
        {"bootstrap_servers": []},
        {"mode": "x"},
        {"compression": "x"},
        {"timeout_s": 26},
    ],
)
def test_values_that_cannot_work_are_refused_as_configuration(settings: dict[str, Any]) -> None:
    """
    By `exit137 check --config-only`.
    """
    with pytest.raises(msgspec.ValidationError):
        config(**settings)
