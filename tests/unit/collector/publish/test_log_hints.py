"""
Advice by the last words in a log.
"""

import pytest

from collector.publish.log_hints import log_hints


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("sh: can't fork: Resource temporarily unavailable", "pids"),
        ("bash: fork: retry: Resource temporarily unavailable", "pids"),
        ("RuntimeError: can't start new thread", "pids"),
        ("java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory", "pids"),
        ("accept4: Too many open files", "files"),
        ("Error: EMFILE: too many open files, open '/x'", "files"),
        ("write /data/a: no space left on device", "disk"),
        ("OSError: [Errno 28] No space left on device", "disk"),
    ],
)
def test_each_limit(line: str, kind: str) -> None:
    """
    Each limit has its advice, with the line as the reason.
    """
    (advice,) = log_hints(["started", line])
    assert advice.kind == kind
    assert line[:40] in advice.reason


def test_words_long_before_the_end() -> None:
    """
    Only the last ten lines count: a program may have survived an error before them.
    """
    assert log_hints(["No space left on device", *["ok"] * 10]) == ()


def test_nothing_to_say() -> None:
    """
    Other words give no advice.
    """
    assert log_hints([]) == ()
    assert log_hints(["a fork in the road", "file opened"]) == ()
