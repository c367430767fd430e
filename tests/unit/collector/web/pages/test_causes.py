"""
How causes look.
"""

import pytest

from collector.web.pages.causes import CAUSES, look_of
from sinks.event import Cause
from tests.unit.sinks.chat.documents import view


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_look(cause: Cause) -> None:
    """
    A cause without a word of its own would be shown as if it were unknown.
    """
    assert cause in CAUSES


def test_no_colour_says_anything_alone() -> None:
    """
    Two tones never share a sign, and two causes never share a word.
    """
    signs = {(look.tone, look.sign) for look in CAUSES.values()}
    assert len({tone for tone, _ in signs}) == len({sign for _, sign in signs}) == len(signs)
    assert len({look.word for look in CAUSES.values()}) == len(CAUSES)


def test_the_end_of_a_problem_looks_good() -> None:
    """
    A resolved warning is not shown as a warning.
    """
    resolved = view(kind="exit137.memory_pressure", pressure={"kind": "limit", "level": "resolved"})
    raised = view(kind="exit137.memory_pressure", pressure={"kind": "limit", "level": "warning"})
    assert (look_of(resolved).tone, look_of(raised).tone) == ("good", "warning")


def test_a_cause_of_a_later_version_is_shown_by_its_name() -> None:
    """
    The store may hold events of another version.
    """
    assert look_of(view(kind="exit137.container_death", cause="eaten")).word == "eaten"
