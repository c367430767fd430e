"""
An incident as one HTML file: complete, closed to the outside, and safe whatever names are in it.
"""

import re
from html.parser import HTMLParser

import orjson
import pytest

from collector.web.pages.incident import incident_of
from collector.web.pages.incident_file import html_file
from collector.web.pages.templating import content_hash, environment
from sinks.event import Event, to_json
from sinks.event.reader import read_event, read_events
from tests.shared.any_event import sample
from tests.shared.incidents import HOSTILE, hostile_body, leak_events, spike_events

TAGS = set(
    """
    html head meta title style body main article header section footer nav h1 h2 h3 p span strong abbr time code pre ol
    ul li dl div dt dd table thead tbody tr th td details summary svg g line rect circle polygon polyline text a
    """.split()  # noqa: SIM905 (words are easier to read in lines)
)


class Page(HTMLParser):
    """
    The tags, attributes and text of a page.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def file_of(*bodies: bytes, left_out: int = 0) -> str:
    """
    Return the file of these events.
    """
    return html_file(environment(), [incident_of(body, read_event(body)) for body in bodies], left_out=left_out)


def file_with_related(events: list[Event]) -> str:
    bodies = [to_json(event) for event in events]
    *others, last = read_events(bodies)
    return html_file(environment(), [incident_of(bodies[-1], last, others)])


def test_it_has_everything_that_a_report_has() -> None:
    """
    Sentence, curve, victim, timeline, verdict, advice, log lines, Markdown and raw event.
    """
    text = Page(file_with_related(leak_events())).text
    expected = (
        "box-a was OOM-killed (exit code 137)",
        "limit 64 MiB",
        "Who was killed",
        "State.ExitCode=137",
        "certain",
        "No table of processes was seen",
        "Find the leak",
        "cache: 41210 entries",
        "### Timeline",
        '"specversion": "1.0"',
    )
    assert [part for part in expected if part not in text] == []


def test_it_says_why_this_process_was_killed() -> None:
    """
    The candidates are compared, and the victim is marked.
    """
    text = " ".join(Page(file_with_related(spike_events())).text.split())
    assert "hog was the largest of 2 processes" in text
    assert "hog ✕ killed" in text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_from_outside_is_text(text: str) -> None:
    """
    No name becomes a tag, an attribute, a terminal sequence or reversed text.
    """
    html = file_of(hostile_body(text))
    page = Page(html)
    assert page.tags <= TAGS
    assert [name for name, _ in page.attributes if name.startswith("on") or name in ("style", "src")] == []
    assert [char for char in set(html) if not char.isprintable()] == ["\n"]
    assert "49" not in re.findall(r"Killed (\S+)", page.text)


def test_nothing_is_loaded_from_outside() -> None:
    """
    A file that is sent to a colleague asks no other host, not even for a font.
    """
    html = file_with_related(leak_events())
    targets = {value for name, value in Page(html).attributes if name in ("href", "src", "srcset", "action", "data")}
    assert [target for target in targets if not target.startswith("#")] == []
    assert re.search(r"url\(|@import", html) is None


def test_its_policy_allows_its_style_and_nothing_else() -> None:
    """
    The hash in the policy is that of the style sheet as it stands in the file.
    """
    html = file_of(hostile_body("x"))
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="(.*?)"', html)
    directives = policy.replace("&#39;", "'").split("; ")
    assert directives[:2] == ["default-src 'none'", f"style-src '{content_hash(style)}'"]
    assert "unsafe" not in policy


def test_several_incidents_have_a_list_with_links() -> None:
    """
    Each link leads to its incident, and the file says how many incidents it leaves out.
    """
    page = Page(file_of(hostile_body("first"), hostile_body("second"), left_out=3))
    links = {value.removeprefix("#") for name, value in page.attributes if name == "href"}
    assert links == {value for name, value in page.attributes if name == "id"} == {"incident-1", "incident-2"}
    assert "3 older incidents are not in this file." in page.text


def test_any_event_has_a_page() -> None:
    """
    Whatever the fields of an event hold, a page is made of it.
    """
    events = sample(30)
    assert len(events) > 10
    for event in events:
        assert Page(file_of(to_json(event))).tags <= TAGS


@pytest.mark.parametrize("body", [{}, {"data": {"exit137": {"oom": {}, "death": {}, "memory": {}}}}])
def test_an_event_without_anything_has_a_page(body: dict[str, object]) -> None:
    """
    An event of another version may lack every field.
    """
    assert "Raw event" in Page(file_of(orjson.dumps(body))).text
