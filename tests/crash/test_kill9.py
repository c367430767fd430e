"""
The agent is killed with SIGKILL, again and again; `python bench/kill9.py` does it 500 times.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.crash.driver import JOURNAL_REMOTE, drive

_KILLS: Final = 18

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not JOURNAL_REMOTE.exists(), reason="systemd-journal-remote is not installed"),
]


def test_nothing_is_lost_and_only_what_was_in_flight_comes_twice(tmp_path: Path) -> None:
    """
    Killed at every named step and at random times, while processes are killed for want of memory all the time.
    """
    outcome = drive(tmp_path, _KILLS, seed=137)
    assert outcome.happened > _KILLS
    assert outcome.missing_in_file == 0
    assert outcome.hook.sound, outcome
