"""
What a configuration must hold before anything is sent, and that nothing secret of it is told.
"""

from pathlib import Path
from typing import Any

import pytest
import trustme

from sinks.errors import DisabledError, Reason
from sinks.http import HttpConfig
from sinks.http.access import access
from sinks.secret import Secret
from tests.unit.sinks.http.probe import HIDDEN

GOOD = Secret("https://receiver.example/hook")


def config(**settings: Any) -> HttpConfig:  # noqa: ANN401 (any setting)
    return HttpConfig(name="w", type="webhook", **settings)


def refusal(**settings: Any) -> str:  # noqa: ANN401 (any setting)
    """
    Why these settings cannot be used.
    """
    with pytest.raises(DisabledError) as caught:
        access(config(**settings))
    assert caught.value.reason is Reason.UNUSABLE
    assert HIDDEN not in str(caught.value)
    return caught.value.detail


@pytest.mark.parametrize("url", ["", "ftp://h/", "http://", "http://[", HIDDEN, f"http://h:{HIDDEN}/", "//h/"])
def test_a_url_that_cannot_work_is_refused_without_being_told(url: str) -> None:
    """
    It may be a secret in the wrong place.
    """
    assert refusal(url=Secret(url)).startswith("the url ")


def test_the_url_is_needed_once(tmp_path: Path) -> None:
    """
    In the configuration or in a file.
    """
    path = tmp_path / "url"
    path.write_text("https://receiver.example/hook\n")
    assert access(config(url_file=str(path))).host == "receiver.example"
    assert refusal() == "one of url and url_file is needed"
    assert refusal(url=GOOD, url_file=str(path)) == "url and url_file are both there"


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "FileNotFoundError"), (b" \n", "is empty"), (b"\xff", "Error")]
)
def test_a_file_of_a_secret_must_hold_one(tmp_path: Path, content: bytes | None, problem: str) -> None:
    """
    The error names the setting and the file.
    """
    path = tmp_path / "url"
    if content is not None:
        path.write_bytes(content)
    detail = refusal(url_file=str(path))
    assert detail.startswith(f"url_file {path}: ")
    assert problem in detail


@pytest.mark.parametrize("name", ["", "a b", "a:b", "Content-Length", "content-type", "ü"])
def test_a_header_must_be_one_of_the_users_own(name: str) -> None:
    """
    What frames the request belongs to the client.
    """
    assert refusal(url=GOOD, headers={name: Secret(HIDDEN)}) == f'"{name}" cannot be a header of your own'


@pytest.mark.parametrize("value", [f"{HIDDEN}\r\nx: y", f"{HIDDEN}\0", f"{HIDDEN}ü"])
def test_the_value_of_a_header_ends_with_its_line(value: str) -> None:
    """
    One that goes on would be another header.
    """
    assert '"x-token"' in refusal(url=GOOD, headers={"x-token": Secret(value)})


def test_there_is_one_way_to_log_in() -> None:
    """
    A user in the URL is an Authorization header.
    """
    url = Secret(f"https://u:{HIDDEN}@receiver.example/")
    assert "authorization" in refusal(url=url, headers={"Authorization": Secret(HIDDEN)})
    assert access(config(url=url)).host == "receiver.example"


def test_headers_come_from_files_too(tmp_path: Path) -> None:
    """
    Without the white space around them.
    """
    path = tmp_path / "authorization"
    path.write_text(f"Bearer {HIDDEN}\n")
    found = access(config(url=GOOD, headers_files={"Authorization": str(path)}))
    assert found.headers["authorization"] == f"Bearer {HIDDEN}"
    assert HIDDEN not in repr(found)


@pytest.mark.parametrize("proxy", ["https://h:1/", "socks5://h:1", "h:3128", f"http://u:{HIDDEN}@"])
def test_a_proxy_is_one_for_http(proxy: str) -> None:
    """
    Any other is refused, without its password being told.
    """
    assert refusal(url=GOOD, proxy=Secret(proxy)).startswith("the proxy ")


@pytest.mark.parametrize("setting", ["ca_file", "cert_file"])
@pytest.mark.parametrize("content", [None, f"{HIDDEN}\n"])
def test_a_certificate_must_be_one(tmp_path: Path, setting: str, content: str | None) -> None:
    """
    A file of another kind may be a secret.
    """
    path = tmp_path / "x.pem"
    if content is not None:
        path.write_text(content)
    assert refusal(url=GOOD, **{setting: str(path)}).startswith(f"{setting} {path}")


def test_a_key_needs_a_certificate(tmp_path: Path) -> None:
    """
    By itself it does nothing.
    """
    assert refusal(url=GOOD, key_file=str(tmp_path / "key.pem")) == "key_file needs cert_file"


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    """
    Before the first request.
    """
    authority = trustme.CA()
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    authority.issue_cert("a").cert_chain_pems[0].write_to_path(cert)
    authority.issue_cert("b").private_key_pem.write_to_path(key)
    assert "SSLError" in refusal(url=GOOD, cert_file=str(cert), key_file=str(key))
