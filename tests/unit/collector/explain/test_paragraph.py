"""
An event as a paragraph.
"""

from typing import Any

from collector.explain.paragraph import paragraph


def _kill(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a document
    ours: dict[str, Any] = {
        "confidence": "certain",
        "evidence": [{"source": "kmsg", "text": "Killed process 42 (java)"}],
        "oom": {"victims": [{"pid": 42, "name": "java", "anon_rss_bytes": 7340032}]},
    }
    data = {"message": "The kernel killed java.", "container": {"id": "a"}, "exit137": ours | changes}
    return {"time": "2026-11-22T03:17:04.118203Z", "data": data}


def test_it_says_when_what_and_how_large() -> None:
    """
    One paragraph, in that order.
    """
    assert paragraph(_kill()) == (
        "2026-11-22 03:17:04.118203 UTC: The kernel killed java. It held 7 MiB of anonymous memory."
    )


def test_doubt_is_told() -> None:
    """
    What is not certain does not read as if it were.
    """
    assert "This is likely, not certain." in paragraph(_kill(confidence="likely"))


def test_all_victims_of_a_group_are_named() -> None:
    """
    memory.oom.group kills a whole cgroup.
    """
    victims = [{"pid": 42, "name": "java"}, {"pid": 43, "name": "sh"}, {"pid": 44, "name": "awk"}]
    assert 'With it died "sh" (pid 43) and "awk" (pid 44).' in paragraph(_kill(oom={"victims": victims}))


def test_the_trigger_is_named_where_it_is_another_process() -> None:
    """
    Who asked for memory need not be who died.
    """
    oom = {"victims": [{"pid": 42, "name": "java"}], "trigger": {"pid": 50, "name": "cron"}}
    assert 'The allocation that failed was made by "cron" (pid 50).' in paragraph(_kill(oom=oom))


def test_no_control_character_reaches_the_terminal() -> None:
    """
    A process may be named anything, escape sequences too.
    """
    victims = [{"pid": 42, "name": "java"}, {"pid": 43, "name": "\x1b[2J\n"}]
    text = paragraph(_kill(oom={"victims": victims}))
    assert text.isprintable()
