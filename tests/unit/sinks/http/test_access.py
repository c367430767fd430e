"""
What a configuration must hold before anything is sent, and that its secrets appear nowhere.
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
    Return why these settings cannot be used.
    """
    with pytest.raises(DisabledError) as caught:
        access(config(**settings))
    assert caught.value.reason is Reason.UNUSABLE
    assert HIDDEN not in str(caught.value)
    return caught.value.detail


@pytest.mark.parametrize("url", ["", "ftp://h/", "http://", "http://[", HIDDEN, f"http://h:{HIDDEN}/", "//h/"])
def test_an_invalid_url_is_refused_without_being_shown(url: str) -> None:
    """
    An invalid URL may be a secret in the wrong place, so the error does not show it.
    """
    assert refusal(url=Secret(url)).startswith("the url ")


def test_exactly_one_url_is_required(tmp_path: Path) -> None:
    """
    The URL is given in the configuration or in a file, and not in both.
    """
    path = tmp_path / "url"
    path.write_text("https://receiver.example/hook\n")
    assert access(config(url_file=str(path))).host == "receiver.example"
    assert refusal() == "url or url_file is required"
    assert refusal(url=GOOD, url_file=str(path)) == "url and url_file are mutually exclusive"


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "FileNotFoundError"), (b" \n", "is empty"), (b"\xff", "Error")]
)
def test_a_file_of_a_secret_must_hold_one(tmp_path: Path, content: bytes | None, problem: str) -> None:
    """
    An unreadable or empty secret file is refused; the error names the setting and the file.
    """
    path = tmp_path / "url"
    if content is not None:
        path.write_bytes(content)
    detail = refusal(url_file=str(path))
    assert detail.startswith(f"url_file {path} ")
    assert problem in detail


@pytest.mark.parametrize("name", ["", "a b", "a:b", "Content-Length", "content-type", "ü"])
def test_a_header_must_be_valid_and_not_set_by_the_sink(name: str) -> None:
    """
    Headers that frame the request belong to the client.
    """
    assert (
        refusal(url=GOOD, headers={name: Secret(HIDDEN)}) == f'the header "{name}" is not valid or is set by the sink'
    )


@pytest.mark.parametrize("value", [f"{HIDDEN}\r\nx: y", f"{HIDDEN}\0", f"{HIDDEN}ü"])
def test_a_header_value_must_be_one_line(value: str) -> None:
    """
    A value with a line break would begin another header.
    """
    assert '"x-token"' in refusal(url=GOOD, headers={"x-token": Secret(value)})


def test_there_is_one_way_to_log_in() -> None:
    """
    A user in the URL is an Authorization header, so the configuration must not have a second one.
    """
    url = Secret(f"https://u:{HIDDEN}@receiver.example/")
    assert "authorization" in refusal(url=url, headers={"Authorization": Secret(HIDDEN)})
    assert access(config(url=url)).host == "receiver.example"


def test_headers_come_from_files_too(tmp_path: Path) -> None:
    """
    A header value is read from its file without surrounding white space.
    """
    path = tmp_path / "authorization"
    path.write_text(f"Bearer {HIDDEN}\n")
    found = access(config(url=GOOD, headers_files={"Authorization": str(path)}))
    assert found.headers["authorization"] == f"Bearer {HIDDEN}"
    assert HIDDEN not in repr(found)


@pytest.mark.parametrize("proxy", ["https://h:1/", "socks5://h:1", "h:3128", f"http://u:{HIDDEN}@"])
def test_a_proxy_must_be_an_http_proxy(proxy: str) -> None:
    """
    Any other proxy is refused, and its password is not shown.
    """
    assert refusal(url=GOOD, proxy=Secret(proxy)).startswith("the proxy ")


@pytest.mark.parametrize("setting", ["ca_file", "cert_file"])
@pytest.mark.parametrize("content", [None, f"{HIDDEN}\n"])
def test_a_certificate_file_must_be_valid(tmp_path: Path, setting: str, content: str | None) -> None:
    """
    A file of another kind may be a secret, so its contents are not shown.
    """
    path = tmp_path / "x.pem"
    if content is not None:
        path.write_text(content)
    assert refusal(url=GOOD, **{setting: str(path)}).startswith(f"{setting} {path}")


def test_a_key_requires_a_certificate(tmp_path: Path) -> None:
    """
    A key without a certificate is refused, because it has no effect.
    """
    assert refusal(url=GOOD, key_file=str(tmp_path / "key.pem")) == "key_file requires cert_file"


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    """
    A key that does not match its certificate is refused before the first request.
    """
    authority = trustme.CA()
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    authority.issue_cert("a").cert_chain_pems[0].write_to_path(cert)
    authority.issue_cert("b").private_key_pem.write_to_path(key)
    assert "SSLError" in refusal(url=GOOD, cert_file=str(cert), key_file=str(key))
