"""
Many events in a few lines.
"""

from hypothesis import given
from hypothesis import strategies as st

from collector.explain.overview import as_lines, overview_of
from sinks.event.ecs_views import ContainerView, ServiceView
from sinks.event.views import (
    DataView,
    EventView,
    Exit137View,
    OomView,
)

DEATH, KILL = "exit137.container_death", "exit137.oom_kill"


def event(type_: str, owner: str | None = "web", *, at: int | None = 0, cause: str | None = None) -> EventView:
    """
    Return an event of a service, some seconds after midnight.
    """
    return EventView(
        type=type_,
        time=f"2026-11-24T00:00:{at:02}Z" if at is not None else None,
        data=DataView(
            container=ContainerView(name="box"),
            service=ServiceView(name=owner),
            exit137=Exit137View(cause=cause, oom=OomView(scope="container") if type_ == KILL else None),
        ),
    )


def rows(events: list[EventView]) -> list[tuple[str, str, int]]:
    return [(group.owner, group.what, group.count) for group in overview_of(events).groups]


def test_deaths_and_kills_are_counted_by_service_and_cause() -> None:
    """
    With the first and the last time, in whatever order they come.
    """
    found = overview_of(
        [
            event(DEATH, at=9, cause="crash"),
            event(DEATH, at=2, cause="crash"),
            event(KILL, at=5),
            event(DEATH, "db", at=7, cause="crash"),
        ]
    )
    assert (found.deaths, found.kills) == (3, 1)
    assert [(group.owner, group.what, group.count) for group in found.groups] == [
        ("web", "death, crash", 2),
        ("db", "death, crash", 1),
        ("web", "OOM kill, own limit", 1),
    ]
    assert (found.groups[0].first, found.groups[0].last) == ("2026-11-24T00:00:02Z", "2026-11-24T00:00:09Z")


def test_the_worst_come_first() -> None:
    """
    What is most frequent, but an orderly end comes last however often it happens.
    """
    stops = [event(DEATH, "a", cause="docker_stop")] * 9
    crashes = [event(DEATH, "b", cause="crash")] * 2
    assert rows([*stops, event(KILL, "c"), *crashes]) == [
        ("b", "death, crash", 2),
        ("c", "OOM kill, own limit", 1),
        ("a", "death, docker_stop", 9),
    ]


def test_a_container_without_a_service_has_its_name() -> None:
    """
    As in notifications.
    """
    assert rows([event(KILL, None)]) == [("box", "OOM kill, own limit", 1)]


def test_a_table_has_a_heading_and_a_line_for_each_group() -> None:
    """
    Events of other types are counted below it.
    """
    lines = as_lines(overview_of([event(DEATH, at=3, cause="crash"), event(KILL), event("exit137.agent", None)]), 80)
    assert lines == [
        "1 death and 1 OOM kill from 2026-11-24 00:00:00 to 2026-11-24 00:00:03 UTC",
        "",
        "  service  what                 count  first (UTC)     last",
        "  web      death, crash             1  11-24 00:00:03  11-24 00:00:03",
        "  web      OOM kill, own limit      1  11-24 00:00:00  11-24 00:00:00",
        "",
        "Also 1 event about the agent.",
    ]


def test_events_of_a_pasted_log_may_have_no_time() -> None:
    """
    They are counted all the same.
    """
    lines = as_lines(overview_of([event(KILL, at=None)]), 80)
    assert lines[0] == "0 deaths and 1 OOM kill"
    assert lines[-1].split()[-2:] == ["?", "?"]


@given(names=st.lists(st.text(), max_size=40), width=st.integers(60, 200))
def test_a_table_fits_the_terminal_whatever_services_are_called(names: list[str], width: int) -> None:
    """
    A line is printable, and never wider than 80 columns or the terminal; groups beyond twenty are counted.
    """
    lines = as_lines(overview_of(event(KILL, name) for name in names), width)
    assert all(line.isprintable() and len(line) <= max(80, width) for line in lines)
    assert len(lines) <= 25
