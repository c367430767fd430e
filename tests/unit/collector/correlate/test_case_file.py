"""
What is gathered for a verdict, from what Docker keeps.
"""

import pytest

from collector.correlate.case_file import signal_number


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("SIGQUIT", 3),
        ("quit", 3),
        ("3", 3),
        ("RTMIN", 34),
        (None, 15),
        ("", 15),
        ("SIGNONSENSE", 15),
        ("9" * 5000, 999),
    ],
    ids=["name", "short name", "number", "real time", "none", "empty", "no signal", "absurd number"],
)
def test_docker_keeps_a_stop_signal_in_any_form(name: str | None, number: int) -> None:
    """
    What cannot be read is taken for SIGTERM.
    """
    assert signal_number(name) == number
