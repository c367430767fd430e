"""
A test in which the agent is killed with SIGKILL again and again, and sends to a real broker.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.crash.driver import JOURNAL_REMOTE, TOPIC, drive
from tests.kafka.broker import Broker

_KILLS: Final = 12


@pytest.mark.skipif(not JOURNAL_REMOTE.exists(), reason="systemd-journal-remote is not installed")
def test_a_broker_misses_nothing_and_gets_twice_only_what_was_in_flight(running: Broker, tmp_path: Path) -> None:
    """
    Whatever the agent was doing when it was killed, no event is lost, only events in flight are duplicated, and events
    of a container arrive in order.
    """
    running.create(TOPIC, partitions=3)
    outcome = drive(tmp_path, _KILLS, seed=137, bus=running.address())
    assert outcome.happened > _KILLS
    assert outcome.bus is not None
    assert outcome.bus.sound, outcome
    assert outcome.hook.sound, outcome
