"""
docs/delivery.md states the figures and commands of the program.
"""

import re
from pathlib import Path

import pytest

from collector.cli import spool
from collector.delivery import breaker, courier
from collector.runtime import managers
from collector.store import LONGEST_RETRY_S, aside
from sinks.base import SinkConfig
from sinks.event import MAX_EVENT_BYTES

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs/delivery.md").read_text(encoding="utf-8")
DAY_S = 86_400


@pytest.mark.parametrize(
    "words",
    [
        f"at most {courier._ATTEMPT_S:.0f} s per batch",
        f"between 0 and {breaker._FIRST_WAIT_S:.0f} s, 2 s, 4 s … {breaker._LONGEST_WAIT_S:.0f} s",
        f"every {breaker._DISABLED_WAIT_S / 60:.0f} minutes",
        f"`give_up_after_s` ({SinkConfig(name='a', type='b').give_up_after_s / DAY_S:.0f} days)",
        f"One event has at most {MAX_EVENT_BYTES:,} bytes",
    ],
)
def test_figures_are_those_of_the_program(words: str) -> None:
    """
    Each figure stands in the page as the program defines it.
    """
    assert words in PAGE


def test_figures_that_the_page_spells_out() -> None:
    """
    An hour, five failures, a week and three damaged databases are spelled out in the page.
    """
    assert (LONGEST_RETRY_S, "up to an hour" in PAGE) == (3600, True)
    assert (breaker._FAILURES_TO_OPEN, "after five failures in a row" in PAGE) == (5, True)
    assert (managers._EXPIRE_AFTER_S, "for a week" in PAGE) == (7 * DAY_S, True)
    assert (aside._KEPT, "three are kept" in PAGE) == (3, True)


@pytest.mark.parametrize("name", list(spool.command.commands))
def test_each_command_is_documented(name: str) -> None:
    """
    Each command of `exit137 spool` has a row in the table.
    """
    assert f"\n| `spool {name}" in PAGE


def test_the_tests_that_the_page_names_exist() -> None:
    """
    Every test and program that the page names is in the repository.
    """
    named = re.findall(r"(?:tests|bench)/[a-z0-9_/]+(?:\.py)?", PAGE)
    assert len(named) > 5
    assert [path for path in named if not (ROOT / path).exists()] == []
