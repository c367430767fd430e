"""
What holds for every test of HTTP: its own certificate authority, and no secrets in the logs.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.unit.sinks.http.probe import HIDDEN


@pytest.fixture(autouse=True)
def nothing_hidden_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """
    Check that no log record of any level contains a secret.
    """
    caplog.set_level("DEBUG")
    yield
    assert HIDDEN not in caplog.text


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)
