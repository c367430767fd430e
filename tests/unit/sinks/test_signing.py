"""
Signatures: what the Standard Webhooks library accepts, and which secrets are valid.
"""

import base64
import json
import time
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from sinks.errors import DisabledError, Reason
from sinks.signing import Signer, read_signer

PAYLOAD = '{"message":"Ünïcödé"}'.encode()


def secret(size: int, letter: str = "k") -> str:
    return "whsec_" + base64.b64encode(letter.encode() * size).decode()


def signer(folder: Path, *secrets: str) -> Signer:
    """
    Return a signer that has read these secrets from files.
    """
    paths = [folder / f"secret-{number}" for number in range(len(secrets))]
    for path, text in zip(paths, secrets, strict=True):
        path.write_text(text + "\n")
    found = read_signer("signing_secrets_files", [str(path) for path in paths])
    assert found is not None
    return found


def headers(found: Signer, payload: bytes = PAYLOAD) -> dict[str, str]:
    now_s = int(time.time())
    return {
        "webhook-id": "e",
        "webhook-timestamp": str(now_s),
        "webhook-signature": found.signature("e", now_s, payload),
    }


def test_the_signature_is_that_of_the_specification() -> None:
    """
    The expected value comes from printf 'e1.1700000000.{}' | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkkkkkkkkkk
    -binary | base64.
    """
    assert (
        Signer([b"k" * 24]).signature("e1", 1_700_000_000, b"{}") == "v1,/hnnqlQVr3BeLYILNCy6DY2Bbh7FQPKbg6vIcqDwOu4="
    )


@pytest.mark.parametrize("size", [24, 32, 64])
def test_the_reference_library_accepts_it(tmp_path: Path, size: int) -> None:
    """
    Every size of secret that the specification allows works.
    """
    signed = headers(signer(tmp_path, secret(size)))
    assert Webhook(secret(size)).verify(PAYLOAD, signed) == json.loads(PAYLOAD)


def test_a_secret_can_be_changed_without_a_gap(tmp_path: Path) -> None:
    """
    While there are two secrets, a receiver that knows either one accepts the request, and no other does.
    """
    signed = headers(signer(tmp_path, secret(32, "n"), secret(32, "o")))
    for letter in "no":
        Webhook(secret(32, letter)).verify(PAYLOAD, signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(32, "x")).verify(PAYLOAD, signed)


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp"])
def test_all_that_matters_is_signed(tmp_path: Path, changed: str) -> None:
    """
    The signature covers the id, the time of the attempt and the payload.
    """
    webhook, signed = Webhook(secret(32)), headers(signer(tmp_path, secret(32)))
    with pytest.raises(WebhookVerificationError):
        webhook.verify(PAYLOAD + b" ", signed)
    with pytest.raises(WebhookVerificationError):
        webhook.verify(PAYLOAD, signed | {changed: str(int(time.time()) - 1)})


def test_padding_may_be_missing(tmp_path: Path) -> None:
    """
    A secret without base64 padding is valid, as in the reference library.
    """
    signed = headers(signer(tmp_path, secret(32).rstrip("=")))
    assert Webhook(secret(32)).verify(PAYLOAD, signed) == json.loads(PAYLOAD)


def test_without_secrets_nothing_is_signed() -> None:
    """
    Without secrets there is no signer.
    """
    assert read_signer("signing_secrets_files", []) is None


@pytest.mark.parametrize(
    "text",
    [
        secret(23),
        secret(65),
        secret(32).removeprefix("whsec_"),
        secret(32).replace("whsec_", "whsk_"),
        "whsec_",
        "whsec_not base64 at all, but long enough to be some",
        secret(32) + "-",
        "whsec_" + "ü" * 40,
    ],
)
def test_an_invalid_secret_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    """
    A secret that is too short, too long, or not base64 is refused; the error names the file only.
    """
    with pytest.raises(DisabledError) as caught:
        signer(tmp_path, secret(32), text)
    assert caught.value.reason is Reason.UNUSABLE
    assert caught.value.detail == (
        f"signing_secrets_files {tmp_path}/secret-1: expected whsec_ and the base64 of 24 to 64 bytes"
    )
