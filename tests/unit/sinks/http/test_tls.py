"""
Which certificates are trusted and which are presented: real TLS on loopback, with certificates made for the test.
"""

import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from sinks.errors import DisabledError, Reason, TransientError
from tests.unit.sinks.http.probe import HIDDEN, client, failure, tls_receiver
from tests.unit.sinks.http.receiver import receiver


async def test_a_server_of_the_own_authority_is_trusted(authority: trustme.CA, ca_file: str) -> None:
    """
    A server whose certificate is signed by `ca_file` is trusted.
    """
    certificate = authority.issue_cert("127.0.0.1")
    async with tls_receiver(certificate) as server, client(server.port, "https", ca_file=ca_file) as found:
        await found.post(b"{}", {})
    assert server.requests[0].body == b"{}"


@pytest.mark.parametrize(
    ("name", "age", "words"),
    [
        ("other.example", timedelta(0), "IP address mismatch"),
        ("127.0.0.1", timedelta(days=2), "certificate has expired"),
    ],
    ids=["another name", "expired"],
)
async def test_a_server_that_is_not_the_right_one_gets_nothing(
    authority: trustme.CA, ca_file: str, name: str, age: timedelta, words: str
) -> None:
    """
    The error says what is wrong with the certificate; it may be renewed, so the request is retried.
    """
    began = datetime.now(UTC) - timedelta(days=9)
    certificate = authority.issue_cert(name, not_before=began, not_after=began + timedelta(days=10) - age)
    async with tls_receiver(certificate) as server, client(server.port, "https", ca_file=ca_file) as found:
        error = await failure(found)
    assert (type(error), error.reason) == (TransientError, Reason.UNREACHABLE)
    assert f"certificate verification failed: {words}" in error.detail
    assert server.requests == []


async def test_a_server_of_another_authority_gets_nothing(authority: trustme.CA, ca_file: str) -> None:
    """
    With `ca_file` only its certificates are trusted, without it only those of the system.
    """
    async with (
        tls_receiver(authority.issue_cert("127.0.0.1")) as unknown_to_system,
        tls_receiver(trustme.CA().issue_cert("127.0.0.1")) as unknown_to_us,
        client(unknown_to_system.port, "https") as plain,
        client(unknown_to_us.port, "https", ca_file=ca_file) as own,
    ):
        for found in (plain, own):
            assert (
                "certificate verification failed: unable to get local issuer certificate"
                in (await failure(found)).detail
            )


async def test_a_server_without_tls_gets_nothing(ca_file: str) -> None:
    """
    An https URL never falls back to plain text.
    """
    async with receiver() as server, client(server.port, "https", ca_file=ca_file, timeout_s=1) as found:
        error = await failure(found)
    assert isinstance(error, TransientError)
    assert server.requests == []


async def test_a_client_without_its_certificate_is_turned_away(authority: trustme.CA, ca_file: str) -> None:
    """
    A server can refuse a client without a certificate in the TLS handshake.
    """
    certificate = authority.issue_cert("127.0.0.1")
    async with (
        tls_receiver(certificate, clients=authority) as server,
        client(server.port, "https", ca_file=ca_file) as found,
    ):
        error = await failure(found)
    assert (type(error), error.reason) == (TransientError, Reason.UNREACHABLE)
    assert server.requests == []


async def test_a_client_presents_its_certificate(authority: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    """
    The key of the client's certificate may have a password, which is in a file.
    """
    own = identity(authority, tmp_path)
    certificate = authority.issue_cert("127.0.0.1")
    async with (
        tls_receiver(certificate, clients=authority) as server,
        client(server.port, "https", ca_file=ca_file, **own) as found,
    ):
        await found.post(b"{}", {})
    assert len(server.requests) == 1


async def test_a_key_is_not_opened_without_its_password(authority: trustme.CA, tmp_path: Path) -> None:
    """
    Without the right password an encrypted key is refused; nobody is prompted, and the password is not shown.
    """
    own = identity(authority, tmp_path)
    for password_file in (None, own["cert_file"]):
        with pytest.raises(DisabledError, match="and its key cannot be loaded: SSLError") as caught:
            async with client(1, "https", **{**own, "key_password_file": password_file}):
                pass
        assert HIDDEN not in "".join(traceback.format_exception(caught.value))


def identity(authority: trustme.CA, folder: Path) -> dict[str, str]:
    """
    Return the settings of a client whose key is encrypted.
    """
    leaf = authority.issue_cert("agent")
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(HIDDEN.encode()),
    )
    contents = {
        "cert_file": leaf.cert_chain_pems[0].bytes(),
        "key_file": key,
        "key_password_file": HIDDEN.encode(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: str(folder / name) for name in contents}
