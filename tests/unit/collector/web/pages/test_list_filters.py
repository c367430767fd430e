"""
The URL of a list: any query gives filters.
"""

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from collector.web.pages.list_filters import ListFilters, list_filters_of

NAMES = ("text", "service", "image", "container", "cause", "kind", "span", "day", "before", "x")
DAY_NS = 86_400_000_000_000


def test_without_filters_there_are_kills_and_deaths() -> None:
    """
    Of all times and all containers.
    """
    wanted = list_filters_of({}).event_filter(0)
    assert wanted.get("types") == ("exit137.oom_kill", "exit137.container_death")
    assert {key for key, value in wanted.items() if value is not None} == {"types"}


def test_a_span_counts_back_from_now() -> None:
    """
    `24h` is the last day.
    """
    assert list_filters_of({"span": "24h"}).event_filter(10 * DAY_NS).get("since_ns") == 9 * DAY_NS


def test_a_day_is_a_whole_day() -> None:
    """
    A bar of the chart leads to that day alone, whatever the span is.
    """
    wanted = list_filters_of({"day": "7", "span": "1h"}).event_filter(9 * DAY_NS)
    assert (wanted.get("since_ns"), wanted.get("until_ns")) == (7 * DAY_NS, 8 * DAY_NS)


def test_what_cannot_be_read_is_said() -> None:
    """
    One sentence for each, and the filter is left out.
    """
    filters = list_filters_of({"cause": "eaten", "day": "-1", "before": "9" * 30, "span": "1y", "kind": "all"})
    assert len(filters.refused) == 5
    assert filters == ListFilters()


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30)))
def test_any_query_gives_a_filter_and_an_address(query: dict[str, str]) -> None:
    """
    The address of a list gives the same filters again.
    """
    filters = list_filters_of(query)
    filters.event_filter(DAY_NS)
    again = list_filters_of(dict(parse_qsl(urlsplit(filters.url(before=filters.before_seq)).query)))
    assert again == filters
