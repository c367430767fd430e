"""
What a report says of a crash.
"""

import pytest

from collector.explain.crash import crash_lines
from sinks.event.views import CrashView
from sinks.event.words import CrashLine


def test_where_it_crashed() -> None:
    """
    Place, function, build and signature have a line each, and the calls follow.
    """
    crash = CrashView(
        module="libfoo.so.6",
        module_offset="0x531ff",
        build_id="9f8e",
        function="parse_header",
        signature="segfault libfoo.so.6+0x531ff",
        frames=("parse_header", "main"),
    )
    lines = crash_lines(crash)
    assert [line.split()[0] for line in lines[:4]] == ["place", "function", "build-id", "signature"]
    assert lines[-2:] == ("  parse_header", "  main")


def test_many_calls_are_cut() -> None:
    """
    The innermost calls say the most; the others are counted.
    """
    lines = crash_lines(CrashView(frames=tuple(map(str, range(40)))))
    assert lines[1] == "  0"
    assert lines[-1] == "  … and 24 more"


@pytest.mark.parametrize("word", [*CrashLine, None, "of a later version"])
def test_why_there_is_no_line(word: str | None) -> None:
    """
    Each word has a sentence; one of a later version has none.
    """
    assert len(crash_lines(CrashView(line_missing=word))) == (word in list(CrashLine))


def test_text_of_a_container_is_printable() -> None:
    """
    A name cannot move the cursor of a terminal.
    """
    esc = "\x1b[2J"
    crash = CrashView(module=esc, module_offset=esc, build_id=esc, function=esc, signature=esc, frames=(esc,))
    assert "\x1b" not in "".join(crash_lines(crash))
