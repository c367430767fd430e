"""
Which position may be stored: never past a fact that the correlator still holds.
"""

from collector.positions import PositionLedger


def read(ledger: PositionLedger, count: int, source: str = "kmsg") -> None:
    for seq in range(1, count + 1):
        ledger.note(source, {"seq": seq})


def test_without_anything_held_the_last_position_is_stored() -> None:
    """
    All before it was told, or told nothing.
    """
    ledger = PositionLedger()
    read(ledger, 3)
    assert ledger.storable({}) == {"kmsg": {"seq": 3}}


def test_a_position_stops_before_what_is_held() -> None:
    """
    The second reading must come again if the agent dies now.
    """
    ledger = PositionLedger()
    read(ledger, 3)
    assert ledger.storable({"kmsg": 2}) == {"kmsg": {"seq": 1}}
    assert ledger.storable({"kmsg": 2}) == {}
    assert ledger.storable({}) == {"kmsg": {"seq": 3}}


def test_where_the_first_reading_is_held_nothing_is_stored() -> None:
    """
    The agent begins where it began.
    """
    ledger = PositionLedger()
    read(ledger, 2)
    assert ledger.storable({"kmsg": 1}) == {}


def test_each_source_has_its_own_numbers() -> None:
    """
    What one holds does not keep back another.
    """
    ledger = PositionLedger()
    read(ledger, 2, "kmsg")
    read(ledger, 2, "docker")
    assert ledger.storable({"kmsg": 1}) == {"docker": {"seq": 2}}


def test_a_position_that_is_stored_is_not_written_again() -> None:
    """
    An idle journal costs no writes.
    """
    ledger = PositionLedger()
    ledger.stored({"kmsg": {"seq": 1}})
    read(ledger, 1)
    assert ledger.storable({}) == {}


def test_readings_are_numbered_in_their_order() -> None:
    """
    Those without a position too: a fact of the supervisor has none.
    """
    ledger = PositionLedger()
    assert [ledger.note("kmsg", position).ordinal for position in ({"seq": 1}, {}, {"seq": 2})] == [1, 2, 3]
    assert ledger.storable({"kmsg": 3}) == {"kmsg": {"seq": 1}}
