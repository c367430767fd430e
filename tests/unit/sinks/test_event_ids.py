"""
Ids from evidence.
"""

from sinks.event.ids import death_id, kill_id


def test_any_text_gives_an_id() -> None:
    """
    JSON may hold halves of characters, and bytes of the kernel's log may be no UTF-8.
    """
    assert death_id("\ud800", None) == death_id("\ufffd", None)
    assert kill_id(None, None, "a\udce4", 1) != kill_id(None, None, "b\udce4", 1)


def test_a_boot_has_one_id() -> None:
    """
    With dashes or without.
    """
    boot = "b3433113-9393-4ed2-bd84-00172bb8b692"
    assert kill_id("m", boot, 1, 2) == kill_id("m", boot.replace("-", ""), 1, 2)
