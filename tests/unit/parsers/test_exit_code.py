"""
The meaning of an exit code alone.
"""

import pytest

from parsers.exit_code import meaning, signal_name, signal_of


@pytest.mark.parametrize(("code", "signal"), [(128, None), (129, 1), (137, 9), (192, 64), (193, None), (-1, None)])
def test_signal_is_the_code_less_128(code: int, signal: int | None) -> None:
    """
    Only 129 to 192 stand for a signal, 1 to 64.
    """
    assert signal_of(code) == signal


@pytest.mark.parametrize(
    ("signal", "name"),
    [
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (15, "SIGTERM"),
        (31, "SIGSYS"),
        (32, "signal 32"),
        (34, "SIGRTMIN"),
        (36, "SIGRTMIN+2"),
        (65, "signal 65"),
    ],
)
def test_name(signal: int, name: str) -> None:
    """
    Signals have the names of signal(7); those that libc reserves have none.
    """
    assert signal_name(signal) == name


@pytest.mark.parametrize(
    ("code", "crash"), [(139, True), (134, True), (135, True), (137, False), (143, False), (1, False)]
)
def test_crash(code: int, crash: bool) -> None:
    """
    A crash is a signal that a program's own fault raises; a kill from outside is not.
    """
    assert meaning(code).crash is crash


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "ended without an error"),
        (3, "the program's own code 3"),
        (127, "the command was not found"),
        (137, "ended by SIGKILL"),
        (139, "crashed with SIGSEGV"),
    ],
)
def test_words(code: int, text: str) -> None:
    """
    Each code has a meaning in words.
    """
    assert meaning(code).text == text
