"""
No host can speak for another.
"""

import base64
from pathlib import Path

import pytest

from fleet.inputs.keys import KeyRing
from sinks.signing import read_signer
from tests.shared.hub_events import host_id, secret_file

BODY = b'{"a": 1}'


def signed(path: Path) -> str:
    signer = read_signer("key", [str(path)])
    assert signer is not None
    return signer.signature("id-1", 100, BODY)


def test_a_host_is_verified_by_its_own_secret(tmp_path: Path) -> None:
    """
    And by no other host's.
    """
    ring, first, second = KeyRing(tmp_path), secret_file(tmp_path, 1), secret_file(tmp_path, 2)
    assert ring.verifies(host_id(1), "id-1", 100, BODY, signed(first))
    assert not ring.verifies(host_id(1), "id-1", 100, BODY, signed(second))
    assert not ring.verifies(host_id(3), "id-1", 100, BODY, signed(first))


@pytest.mark.parametrize(("id_", "stamp_s", "body"), [("id-2", 100, BODY), ("id-1", 101, BODY), ("id-1", 100, b"{}")])
def test_what_was_changed_is_not_verified(tmp_path: Path, id_: str, stamp_s: int, body: bytes) -> None:
    """
    The signature covers id, time and body.
    """
    path = secret_file(tmp_path, 1)
    assert not KeyRing(tmp_path).verifies(host_id(1), id_, stamp_s, body, signed(path))


@pytest.mark.parametrize("name", ["", ".", "..", "../1", "a/b", "\0", "x" * 200, ".hidden"])
def test_a_name_never_leaves_the_directory(tmp_path: Path, name: str) -> None:
    """
    It comes from the network, before anything is verified.
    """
    (tmp_path / "keys").mkdir()
    path = secret_file(tmp_path, 1)
    assert not KeyRing(tmp_path / "keys").verifies(name, "id-1", 100, BODY, signed(path))


def test_while_a_secret_is_replaced_both_count(tmp_path: Path) -> None:
    """
    The new one stands in `ID.next`; a changed file counts at once.
    """
    ring, old = KeyRing(tmp_path), secret_file(tmp_path, 1)
    before = signed(old)
    new = tmp_path / f"{host_id(1)}.next"
    new.write_text(f"whsec_{base64.b64encode(b'n' * 32).decode()}")
    after = signed(new)
    assert ring.verifies(host_id(1), "id-1", 100, BODY, before)
    assert ring.verifies(host_id(1), "id-1", 100, BODY, after)
    new.rename(old)
    assert not ring.verifies(host_id(1), "id-1", 100, BODY, before)
    assert ring.verifies(host_id(1), "id-1", 100, BODY, after)


def test_a_file_without_a_secret_verifies_nothing(tmp_path: Path) -> None:
    """
    An empty secret would be everybody's.
    """
    (tmp_path / host_id(1)).write_text("\n")
    assert not KeyRing(tmp_path).verifies(host_id(1), "id-1", 100, BODY, "v1,")
