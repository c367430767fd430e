"""
Who may write: every way to log in to a real broker, and what is said when it does not let us in.
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
from tests.kafka.events import event
from tests.kafka.place import Place

WRONG: Final = "battery-staple"


def token(lives_s: float = 600) -> str:
    """
    An unsecured JWT, as the broker of the tests takes it.
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
    One event is sent.
    """
    sink = KafkaSink(config)
    try:
        await sink.open()
        await sink.send([event(1)])
    finally:
        await sink.aclose()


async def refusal(config: KafkaConfig) -> SinkError:
    """
    Why it is not; no secret is in it, or in what it came from.
    """
    with pytest.raises(SinkError) as caught:
        await written(config)
    told = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in told
    assert WRONG not in told
    return caught.value


@pytest.mark.parametrize("listener", ["sasl", "sasl_tls"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"])
async def test_each_way_to_log_in_works(place: Place, tmp_path: Path, listener: str, mechanism: str) -> None:
    """
    With TLS and without.
    """
    settings = password(tmp_path, mechanism)
    if mechanism == "OAUTHBEARER":
        settings = {"sasl_mechanism": mechanism, "sasl_token_file": file(tmp_path, token())}
    if listener == "sasl_tls":
        settings["ca_file"] = str(place.broker.files.ca)
    await written(place.config(listener, **settings))
    assert [record.id for record in place.arrived(1)] == ["e00001"]


async def test_a_client_certificate_is_shown(place: Place) -> None:
    """
    To a broker that asks for one; key and certificate may stand in one file.
    """
    files = place.broker.files
    await written(place.config("mtls", ca_file=str(files.ca), cert_file=str(files.client)))
    assert len(place.arrived(1)) == 1


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_wrong_password_needs_a_person(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture, mechanism: str
) -> None:
    """
    It is told as such, without the password.
    """
    caplog.set_level(logging.DEBUG)
    error = await refusal(place.config("sasl", **password(tmp_path, mechanism, text=WRONG)))
    assert (type(error), error.reason) == (DisabledError, Reason.UNAUTHORIZED)
    assert place.broker.address("sasl") in error.detail
    assert WRONG not in caplog.text


async def test_a_token_is_read_again_for_each_connection(place: Place, tmp_path: Path) -> None:
    """
    One that has expired is refused; the next one in the same file is taken.
    """
    config = place.config("sasl", sasl_mechanism="OAUTHBEARER", sasl_token_file=file(tmp_path, token(-60)))
    error = await refusal(config)
    assert (type(error), error.reason) == (DisabledError, Reason.UNAUTHORIZED)
    file(tmp_path, token())
    await written(config)


async def test_a_user_without_the_right_to_write_needs_a_person(place: Place, tmp_path: Path) -> None:
    """
    Not even the right to see the topic; then only that; then the right to write, which is all that is needed.
    """
    config = place.config("sasl", **password(tmp_path, "PLAIN", user=STRANGER))
    for operation in (None, AclOperation.DESCRIBE):
        if operation is not None:
            allow(place, operation)
        error = await refusal(config)
        assert (type(error), error.reason) == (DisabledError, Reason.UNAUTHORIZED)
    allow(place, AclOperation.WRITE)
    await written(config)


def allow(place: Place, operation: AclOperation) -> None:
    """
    Let the stranger do this, and wait until it can.
    """
    what = (ResourceType.TOPIC, place.topic, ResourcePatternType.LITERAL, f"User:{STRANGER}", "*", operation)
    rule = AclBinding(*what, AclPermissionType.ALLOW)
    for future in place.broker.admin.create_acls([rule]).values():
        future.result(timeout=10)
    wanted = AclBindingFilter(*what, AclPermissionType.ALLOW)
    while not place.broker.admin.describe_acls(wanted).result(timeout=10):
        time.sleep(0.05)


async def test_a_broker_of_another_authority_gets_nothing(place: Place, tmp_path: Path) -> None:
    """
    The words are those of a webhook's server.
    """
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    error = await refusal(place.config("tls", ca_file=str(other)))
    assert (type(error), error.reason) == (TransientError, Reason.UNREACHABLE)
    assert "its certificate is not trusted" in error.detail


async def test_a_login_where_none_is_taken_needs_a_person(place: Place, tmp_path: Path) -> None:
    """
    The port is another one.
    """
    error = await refusal(place.config("plain", **password(tmp_path, "PLAIN")))
    assert (type(error), error.reason) == (DisabledError, Reason.UNUSABLE)


@pytest.mark.parametrize("listener", ["tls", "sasl", "mtls"])
async def test_the_wrong_port_is_told_in_time(place: Place, listener: str) -> None:
    """
    No TLS where it is spoken, no login where one is needed, no certificate where one is asked for.
    """
    settings = {"ca_file": str(place.broker.files.ca)} if listener == "mtls" else {}
    error = await refusal(place.config(listener, **settings))
    assert isinstance(error, TransientError)
    assert place.broker.address(listener) in error.detail


async def test_tls_to_a_port_without_it_is_told(place: Place) -> None:
    """
    In the words of OpenSSL, or of the connection's end.
    """
    error = await refusal(place.config("plain", tls=True))
    assert (type(error), error.reason) in ((TransientError, Reason.UNREACHABLE), (TransientError, Reason.TIMEOUT))
