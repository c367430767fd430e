# ruff: noqa: E501 (lists of words)
"""
Masking accepts any text, takes time in proportion to it, and leaves names and ids alone.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.masking import mask_bytes, mask_command_line, mask_lines, mask_text

HEX = "0123456789abcdef"
WORDS = st.sampled_from(
    [
        "password", "token", "key", "=", ":", " ", '"', "'", "\\", "\\\\", "&", "?", ";", ",", "{", "}", "[", "]", "(", ")", "<", ">",
        "@", "://", "/", "hunter2", "\n", "\0", "\x1b[0m", "%3D", "&quot;", "Bearer", "-p", "mysql", "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----", "eyJ", "ghp_", "$6$", "identified by", "value", "is", "|", "-", "é", "\ud800",
    ]
)  # fmt: skip
HOSTILE = [
    "a", "\\", '"', "'", "@", ":", "=", "-", "[", "<", "$", "%", " ", "\n", "\0", "é", "password", "password ", "password=", 'password="',
    'password=\\"', "password='''", "password(", 'password("', "password=[", "password={", "password value=", "password is is ", "password | ",
    "token: ", "token: is ", "token=a,", "token=a&", "token=a;", "key: ", "cookie: ", "auth: a:", "authorization: ", "a:", "a:b@", "http://",
    "http://a:", "x://a/", "%40", "eyJ", "eyJaaaaaaaaa.", "ghp_", "$6$", "QUJD", "QUJD ", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----", "PRIVATE KEY ", "identified by ", "identified with ", "password for x ", "AUTH ", "mysql -", "mysql -p ",
    "\x1b[", "\x1b[0;", "[0;1", "\\u001b[", "<password ", "<password>", "/hooks/", "hooks.slack.com/services/", "thin:a/", "sqlplus a ",
    "password:\n", "password: |\n", "- name: PASSWORD\n", "generated password ", "1:AA", "aaaaaaaa.atlasv1.", "SCRAM-SHA-1$1:", "&quot;",
    "QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD\n", "abc\n-----END PRIVATE KEY-----\n", "<key>password</key>\n",
]  # fmt: skip
# Time that grows with the square of this length exceeds the time limit of a test many times over.
HOSTILE_LENGTH = 120_000


@given(st.text() | st.lists(WORDS, max_size=12).map("".join))
def test_any_text_can_be_masked(text: str) -> None:
    """
    No text raises, and the number of lines stays.
    """
    masked = mask_text(text)
    assert masked.count("\n") == text.count("\n")
    assert len(mask_lines(text.split("\n"))) == text.count("\n") + 1


@given(st.binary())
def test_any_bytes_can_be_masked(text: bytes) -> None:
    """
    Bytes that are not UTF-8 stay as they are.
    """
    if b"\0" not in text:
        assert mask_bytes(b"\xff" + text).startswith(b"\xff")


@given(st.lists(st.text(max_size=20), max_size=6))
def test_a_command_line_keeps_its_arguments(arguments: list[str]) -> None:
    """
    The number of arguments stays.
    """
    assert len(mask_command_line(arguments)) == len(arguments)


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE)
def test_masking_takes_time_in_proportion(piece: str) -> None:
    """
    A hostile text of 120,000 characters is masked within the time limit of a test.
    """
    text = (piece * (HOSTILE_LENGTH // len(piece) + 1))[:HOSTILE_LENGTH]
    assert mask_text(text).count("\n") == text.count("\n")


@given(st.text(HEX, min_size=64, max_size=64))
def test_ids_stay(container_id: str) -> None:
    """
    The id of a container is never masked, wherever it stands: events are joined by it.
    """
    texts = (
        container_id,
        container_id[:12],
        f"container/{container_id}",
        f"sha256:{container_id}",
        f"/docker/{container_id}",
        f"/system.slice/docker-{container_id}.scope",
        f"/kubepods.slice/kubepods-burstable.slice/cri-containerd-{container_id}.scope",
        f"urn:exit137:host:{container_id[:32]}",
        f"registry.example.com:5000/shop@sha256:{container_id}",
    )
    assert [mask_text(text) for text in texts] == list(texts)


@given(st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]{0,13}", fullmatch=True))
def test_names_stay(name: str) -> None:
    """
    The names of containers and processes are never masked, even if they are called `token` or `password`.
    """
    texts = (name, f'Container "{name}" (shop:1.2) exited with code 1', f'process "{name}" (pid 4123)')
    assert [mask_text(text) for text in texts] == list(texts)
