"""
What a Kafka configuration must hold before anything is sent, and that its secrets appear nowhere.
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
        ({"sasl_username": "u"}, "sasl_username requires a sasl_mechanism"),
        ({"sasl_mechanism": "PLAIN"}, "PLAIN requires sasl_username and sasl_password_file"),
        ({"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "u"}, "SCRAM-SHA-512 requires sasl_username and"),
        ({"sasl_mechanism": "PLAIN", "sasl_token_file": "f"}, "sasl_token_file requires another sasl_mechanism"),
        ({"sasl_mechanism": "OAUTHBEARER"}, "OAUTHBEARER requires sasl_token_file"),
        ({"sasl_mechanism": "OAUTHBEARER", "sasl_username": "u"}, "sasl_username requires another sasl_mechanism"),
        (
            {"sasl_mechanism": "OAUTHBEARER", "sasl_token_file": "/no"},
            "sasl_token_file /no cannot be read: FileNotFoundError",
        ),
        ({"bootstrap_servers": ["b:kafka"]}, 'bootstrap_servers: expected "host:port", found "b:kafka"'),
        ({"tls": True, "key_file": "k"}, "key_file requires cert_file"),
        ({"ca_file": "/no"}, "ca_file /no cannot be loaded: FileNotFoundError"),
    ],
)
def test_what_cannot_work_is_refused_by_the_name_of_the_setting(settings: dict[str, Any], problem: str) -> None:
    """
    A configuration that cannot work is refused before a broker is contacted, and the error names the setting.
    """
    with pytest.raises(DisabledError) as caught:
        access(config(**settings))
    assert caught.value.reason is Reason.UNUSABLE
    assert caught.value.detail.startswith(problem)


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_a_compression_that_is_not_installed_is_reported(monkeypatch: pytest.MonkeyPatch, compression: str) -> None:
    """
    The error says what installs the compression; gzip is always available.
    """
    monkeypatch.setattr(codec, "cramjam", None)
    if compression in ("none", "gzip"):
        access(config(compression=compression))
        return
    with pytest.raises(DisabledError) as caught:
        access(config(compression=compression))
    assert "pip install cramjam" in caught.value.detail


def test_a_password_appears_nowhere(secret: str) -> None:
    """
    A password is read without its newline and handed to the client only.
    """
    given = config(sasl_mechanism="PLAIN", sasl_username="u", sasl_password_file=secret)
    found = access(given)
    assert HIDDEN not in repr(found)
    assert found.settings(given)["sasl_plain_password"] == HIDDEN


def test_a_token_appears_nowhere(secret: str) -> None:
    """
    A token is what the file contains at the time of the request, and it appears nowhere else.
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
def test_tls_is_used_if_it_is_configured(settings: dict[str, Any], protocol: str) -> None:
    """
    The setting `tls` and the SASL mechanism decide the security protocol.
    """
    given = config(**settings)
    assert access(given).settings(given)["security_protocol"] == protocol


def test_a_certificate_file_implies_tls() -> None:
    """
    A certificate file implies TLS; otherwise it would be ignored and events would be sent in clear text.
    """
    assert config(ca_file="ca.pem").uses_tls
    assert config(cert_file="client.pem").uses_tls
    assert not config().uses_tls


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
    Invalid values are reported by `exit137 check --config-only`.
    """
    with pytest.raises(msgspec.ValidationError):
        config(**settings)
