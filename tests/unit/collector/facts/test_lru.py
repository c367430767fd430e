"""
Tests of the dictionaries with a limit.
"""

from collector.facts.lru import LruDict, LruQueues


def test_the_oldest_entry_is_dropped_beyond_the_limit() -> None:
    """
    Setting one entry more than the limit drops the one that was set first.
    """
    entries: LruDict[str, int] = LruDict(2)
    for value, key in enumerate("abc"):
        entries[key] = value
    assert dict(entries) == {"b": 1, "c": 2}


def test_setting_a_key_again_makes_it_the_newest() -> None:
    """
    An entry that is set again outlives one that was set in between.
    """
    entries: LruDict[str, int] = LruDict(2)
    for value, key in enumerate("abac"):
        entries[key] = value
    assert list(entries) == ["a", "c"]


def test_setdefault_respects_the_limit() -> None:
    """
    A default that is added counts as set; one for a known key changes nothing.
    """
    entries: LruDict[str, int] = LruDict(2)
    entries["a"] = 1
    entries["b"] = 2
    assert entries.setdefault("a", 9) == 1
    assert entries.setdefault("c", 3) == 3
    assert list(entries) == ["b", "c"]


def test_only_the_latest_values_of_a_key_are_kept() -> None:
    """
    A key has at most `of_each` values, the oldest first.
    """
    queues: LruQueues[str, int] = LruQueues(2, of_each=2)
    for value in range(3):
        queues.add("a", value)
    assert list(queues["a"]) == [1, 2]


def test_a_key_that_got_a_value_is_the_newest() -> None:
    """
    A key that got another value outlives one that was added in between.
    """
    queues: LruQueues[str, int] = LruQueues(2, of_each=2)
    for value, key in enumerate("abac"):
        queues.add(key, value)
    assert list(queues) == ["a", "c"]
