"""
How long a thread has waited for a CPU.
"""

from pathlib import Path

import pytest

from collector.host.schedstat import RunDelay


def test_each_read_is_of_now(tmp_path: Path) -> None:
    """
    The second number counts, and the file is read anew although it stays open.
    """
    file = tmp_path / "schedstat"
    file.write_text("5000 70 3\n")
    with RunDelay(file) as delay:
        assert delay.read_ns() == 70
        file.write_text("6000 90 4\n")
        assert delay.read_ns() == 90
    assert delay.read_ns() == 0


@pytest.mark.parametrize("text", ["", "7\n", "1 x 2\n"])
def test_a_kernel_without_statistics_says_nothing(tmp_path: Path, text: str) -> None:
    """
    Then no thread counts as starved.
    """
    file = tmp_path / "schedstat"
    file.write_text(text)
    with RunDelay(file) as delay, RunDelay(tmp_path / "none") as missing:
        assert (delay.read_ns(), missing.read_ns()) == (0, 0)


def test_the_kernel_counts_for_this_thread() -> None:
    """
    The time only grows.
    """
    with RunDelay() as delay:
        first_ns = delay.read_ns()
        assert 0 <= first_ns <= delay.read_ns()
