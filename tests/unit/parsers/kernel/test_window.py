"""
Which lines of a log are read as kernel notices and what belongs to them.
"""

from parsers.kernel import NoticeWindow

CRASH = "hog[33]: unhandled signal 11 code 0x1 at 0x0000000000000008 in lib.so[77d80000+15000]"
REGISTERS = "epc : 0000000077d83dd1 ra : 0000003faf093baa sp : 0000003faae67fc0"
OTHER = "docker0: port 1(veth3ab4c5d) entered blocking state"


def test_registers_count_only_after_a_notice() -> None:
    """
    Registers are wanted for some lines after a notice, and other lines are not.
    """
    window = NoticeWindow()
    assert [window.wants(text) for text in (REGISTERS, CRASH, OTHER, REGISTERS)] == [False, True, False, True]
    assert [window.wants(OTHER) for _ in range(30)] == [False] * 30
    assert window.closed
    assert not window.wants(REGISTERS)


def test_a_count_of_lost_lines_comes_first() -> None:
    """
    The kernel says how many lines it did not print before the next one that it prints.
    """
    assert NoticeWindow().wants("show_signal_msg: 15 callbacks suppressed")
