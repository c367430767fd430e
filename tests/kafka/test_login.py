"""
Tests of every way to log in to a real broker, and of the errors when it refuses.
"""

import base64
import json
import logging
import time
import traceback
from pathlib import Path
from typing import Any, Final

import pytest
import trustme
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from sinks.errors import DisabledError, Reason, SinkError, TransientError
from sinks.kafka import KafkaConfig, KafkaSink
from tests.kafka.broker import PASSWORD, STRANGER, USER
from tests.kafka.target import Target
from tests.shared.numbered import event

WRONG: Final = "battery-staple"


def token(lives_s: float = 600) -> str:
    """
    Return an unsecured JWT, as the test broker accepts it.
    """
    now_s = int(time.time())
    claims = {"sub": USER, "iat": now_s - 1200, "exp": now_s + lives_s}
    parts = ({"alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def file(folder: Path, text: str) -> str:
    path = folder / "secret"
    path.write_text(f"{text}\n")
    return str(path)


def password(folder: Path, mechanism: str, user: str = USER, text: str = PASSWORD) -> dict[str, Any]:
    return {"sasl_mechanism": mechanism, "sasl_username": user, "sasl_password_file": file(folder, text)}


async def written(config: KafkaConfig) -> None:
    """
    Send one event.
    """
    sink = KafkaSink(config)
    try:
        await sink.open()
        await sink.send([event(1)])
    finally:
        await sink.aclose()


async def refusal(config: KafkaConfig) -> SinkError:
    """
    Return the error of sending an event; neither the error nor its cause may contain a secret.
    """
    with pytest.raises(SinkError) as caught:
        await written(config)
    text = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in text
    assert WRONG not in text
    return caught.value


@pytest.mark.parametrize("listener", ["sasl", "sasl_tls"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"])
async def test_each_way_to_log_in_works(target: Target, tmp_path: Path, listener: str, mechanism: str) -> None:
    """
    Each mechanism works with TLS and without.
    """
    settings = password(tmp_path, mechanism)
    if mechanism == "OAUTHBEARER":
        settings = {"sasl_mechanism": mechanism, "sasl_token_file": file(tmp_path, token())}
    if listener == "sasl_tls":
        settings["ca_file"] = str(target.broker.files.ca)
    await written(target.config(listener, **settings))
    assert [record.id for record in target.arrived(1)] == ["e00001"]


async def test_a_client_certificate_is_shown(target: Target) -> None:
    """
    A client certificate is sent to a broker that asks for one; key and certificate may be in one file.
    """
    files = target.broker.files
    await written(target.config("mtls", ca_file=str(files.ca), cert_file=str(files.client)))
    assert len(target.arrived(1)) == 1


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_wrong_password_needs_a_person(
    target: Target, tmp_path: Path, caplog: pytest.LogCaptureFixture, mechanism: str
) -> None:
    """
    A wrong password disables the sink, with an error that does not contain the password.
    """
    caplog.set_level(logging.DEBUG)
    error = await refusal(target.config("sasl", **password(tmp_path, mechanism, text=WRONG)))
    assert (type(error), error.reason) == (DisabledError, Reason.UNAUTHORIZED)
    assert target.broker.address("sasl") in error.detail
    assert WRONG not in caplog.text


async def test_a_token_is_read_again_for_each_connection(target: Target, tmp_path: Path) -> None:
    """
    An expired token is refused; a new token in the same file is used for the next connection.
    """
    config = target.config("sasl", sasl_mechanism="OAUTHBEARER", sasl_token_file=file(tmp_path, token(-60)))
    error = await refusal(config)
    assert (type(error), error.reason) == (DisabledError, Reason.UNAUTHORIZED)
    file(tmp_path, token())
    await written(config)


async def test_a_user_without_the_right_to_write_needs_a_person(target: Target, tmp_path: Path) -> None:
    """
    The right to write, and no other, is needed: without it the sink is disabled.
    """
    config = target.config("sasl", **password(tmp_path, "PLAIN", user=STRANGER))
    for operation in (None, AclOperation.DESCRIBE):
        if operation is not None:
            allow(target, operation)
        error = await refusal(config)
        assert (type(error), error.reason) == (DisabledError, Reason.UNAUTHORIZED)
    allow(target, AclOperation.WRITE)
    await written(config)


def allow(target: Target, operation: AclOperation) -> None:
    """
    Grant the other user an operation, and wait until the broker applies it.
    """
    what = (ResourceType.TOPIC, target.topic, ResourcePatternType.LITERAL, f"User:{STRANGER}", "*", operation)
    rule = AclBinding(*what, AclPermissionType.ALLOW)
    for future in target.broker.admin.create_acls([rule]).values():
        future.result(timeout=10)
    wanted = AclBindingFilter(*what, AclPermissionType.ALLOW)
    while not target.broker.admin.describe_acls(wanted).result(timeout=10):
        time.sleep(0.05)


async def test_a_broker_of_another_authority_gets_nothing(target: Target, tmp_path: Path) -> None:
    """
    A broker whose certificate is not trusted gets no event, and the error is worded like a webhook's.
    """
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    error = await refusal(target.config("tls", ca_file=str(other)))
    assert (type(error), error.reason) == (TransientError, Reason.UNREACHABLE)
    assert "certificate verification failed" in error.detail


async def test_a_login_to_a_port_without_login_needs_a_person(target: Target, tmp_path: Path) -> None:
    """
    A login to a port that accepts none disables the sink: the configured port is wrong.
    """
    error = await refusal(target.config("plain", **password(tmp_path, "PLAIN")))
    assert (type(error), error.reason) == (DisabledError, Reason.UNUSABLE)


@pytest.mark.parametrize("listener", ["tls", "sasl", "mtls"])
async def test_the_wrong_port_is_reported_in_time(target: Target, listener: str) -> None:
    """
    A missing TLS, login or certificate is reported before the timeout, with the address.
    """
    settings = {"ca_file": str(target.broker.files.ca)} if listener == "mtls" else {}
    error = await refusal(target.config(listener, **settings))
    assert isinstance(error, TransientError)
    assert target.broker.address(listener) in error.detail


async def test_tls_to_a_port_without_it_is_reported(target: Target) -> None:
    """
    TLS to a port without it is reported as unreachable or as a timeout.
    """
    error = await refusal(target.config("plain", tls=True))
    assert (type(error), error.reason) in ((TransientError, Reason.UNREACHABLE), (TransientError, Reason.TIMEOUT))
