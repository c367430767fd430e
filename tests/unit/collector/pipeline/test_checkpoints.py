"""
Which positions may be stored: never one behind a fact that is still needed.
"""

from collector.pipeline.checkpoints import Checkpoints


def read(checkpoints: Checkpoints, count: int, source: str = "kmsg") -> None:
    for seq in range(1, count + 1):
        checkpoints.add(source, {"seq": seq})


def test_without_anything_held_the_last_position_is_stored() -> None:
    """
    Every fact before the last position has been published or is not needed.
    """
    checkpoints = Checkpoints()
    read(checkpoints, 3)
    assert checkpoints.storable({}) == {"kmsg": {"seq": 3}}


def test_a_position_stops_before_what_is_held() -> None:
    """
    The second reading must come again if the agent dies now.
    """
    checkpoints = Checkpoints()
    read(checkpoints, 3)
    assert checkpoints.storable({"kmsg": 2}) == {"kmsg": {"seq": 1}}
    checkpoints.mark_stored({"kmsg": {"seq": 1}})
    assert checkpoints.storable({"kmsg": 2}) == {}
    assert checkpoints.storable({}) == {"kmsg": {"seq": 3}}


def test_a_position_that_could_not_be_stored_is_offered_again() -> None:
    """
    A full store loses no position: each call offers the furthest safe one until it is marked as stored.
    """
    checkpoints = Checkpoints()
    read(checkpoints, 2)
    assert checkpoints.storable({"kmsg": 2}) == {"kmsg": {"seq": 1}}
    assert checkpoints.storable({"kmsg": 2}) == {"kmsg": {"seq": 1}}


def test_where_the_first_reading_is_held_nothing_is_stored() -> None:
    """
    After a crash the agent begins where it began before.
    """
    checkpoints = Checkpoints()
    read(checkpoints, 2)
    assert checkpoints.storable({"kmsg": 1}) == {}


def test_each_source_has_its_own_numbers() -> None:
    """
    A held reading of one source does not hold back the position of another.
    """
    checkpoints = Checkpoints()
    read(checkpoints, 2, "kmsg")
    read(checkpoints, 2, "docker")
    assert checkpoints.storable({"kmsg": 1}) == {"docker": {"seq": 2}}


def test_a_position_that_is_stored_is_not_written_again() -> None:
    """
    An idle journal costs no writes.
    """
    checkpoints = Checkpoints()
    checkpoints.mark_stored({"kmsg": {"seq": 1}})
    read(checkpoints, 1)
    assert checkpoints.storable({}) == {}


def test_readings_are_numbered_in_their_order() -> None:
    """
    Readings without a position get a number too: those of the supervisor and the parts of a large reading have none.
    """
    checkpoints = Checkpoints()
    assert [checkpoints.add("kmsg", position).ordinal for position in ({"seq": 1}, {}, {"seq": 2})] == [1, 2, 3]
    assert checkpoints.storable({"kmsg": 3}) == {"kmsg": {"seq": 1}}
