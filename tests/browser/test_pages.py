"""
Every page in a real browser: readable on a phone and a desk, in both themes, and closed to everything from outside.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from tests.shared.incidents import leak_events

pytestmark = pytest.mark.browser
# `leak` is an incident with a curve, `hostile` one whose every text is an attack.
PAGES: Final = {
    "now": "/",
    "incidents": "/incidents",
    "filtered": "/incidents?cause=oom_kill&text=<script>&span=30d&day=x",
    "leak": "/incident/{leak}",
    "hostile": "/incident/11111111-1111-5111-8111-111111111111",
    "long": "/incident/11111111-2222-5222-8111-111111111111",
    "service": "/service?name=api",
    "missing": "/incident/none",
}
# A folder for pictures. All four looks are for people; two of them show every rule of the style sheet.
PICTURES: Final = os.environ.get("EXIT137_SCREENSHOTS")
LOOKS: Final = ((360, "light"), (1440, "dark"), *(((360, "dark"), (1440, "light")) if PICTURES else ()))


@dataclass
class Visit:
    """
    An open page, and what it did.
    """

    page: Page
    problems: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "status of 404" not in message.text:
            self.problems.append(message.text)

    def count(self, request: Request) -> None:
        self.hosts.add(request.url.split("/")[2])


@contextmanager
def visit(
    browser: Browser, url: str, width: int = 1440, theme: str = "light", *, script: bool = True
) -> Iterator[Visit]:
    """
    Open a page, and close it.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if theme == "dark" else "light",
        java_script_enabled=script,
    )
    visited = Visit(context.new_page())
    visited.page.on("console", visited.note)
    visited.page.on("pageerror", lambda error: visited.problems.append(str(error)))
    visited.page.on("request", visited.count)
    visited.page.goto(url)
    try:
        yield visited
    finally:
        context.close()


def url_of(address: str, name: str) -> str:
    return address + PAGES[name].format(leak=leak_id())


@cache
def leak_id() -> str:
    return leak_events()[-1].id


@pytest.mark.parametrize(("width", "theme"), LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_sound(browser: Browser, address: str, name: str, width: int, theme: str) -> None:
    """
    No error in the console, no request to another host, nothing to scroll sideways, and no violation that axe-core
    finds: contrast, names of controls, order of headings.
    """
    with visit(browser, url_of(address, name), width, theme) as visited:
        assert visited.problems == []
        assert visited.hosts == {address.removeprefix("http://")}
        assert visited.page.evaluate("document.documentElement.scrollWidth") <= width
        violations = Axe().run(visited.page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in violations] == []
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            visited.page.screenshot(path=f"{PICTURES}/{name}-{width}-{theme}.png", full_page=True)


@pytest.mark.parametrize("name", ["hostile", "long"])
def test_hostile_names_are_text(browser: Browser, address: str, name: str) -> None:
    """
    Markup in the name of a container is shown and never runs: no element, no title, no reversed text of its making.
    """
    with visit(browser, url_of(address, name)) as visited:
        made = visited.page.evaluate("document.querySelectorAll('main img, main iframe, main script').length")
        text = visited.page.inner_text("main")
        assert (made, "pwned" in visited.page.title().replace("title='pwned'", "")) == (0, False)
        assert [char for char in "\x1b\u202e\u2066\u200b" if char in text] == []
    if name == "hostile":
        assert "<script>document.title='pwned'</script>" in text


def test_pages_work_without_script(browser: Browser, address: str) -> None:
    """
    Links, filters and the incident's Markdown need none.
    """
    with visit(browser, url_of(address, "incidents"), script=False) as visited:
        page = visited.page
        page.fill("form.filters input[name=text]", "glob")
        page.click("form.filters button")
        page.click(".incidents .title >> nth=0")
        assert "glob" in page.inner_text("h1")
        page.click("summary:has-text('As Markdown')")
        assert "### Timeline" in page.inner_text("pre.markdown")


def test_the_report_can_be_copied(browser: Browser, address: str) -> None:
    """
    As Markdown, for a ticket.
    """
    with visit(browser, url_of(address, "leak")) as visited:
        visited.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        visited.page.click("text=Copy as Markdown")
        visited.page.wait_for_selector("text=Copied")
        assert "### Verdict" in visited.page.evaluate("navigator.clipboard.readText()")


def test_a_downloaded_file_is_sound(browser: Browser, address: str, tmp_path: Path) -> None:
    """
    It opens without a server and without a violation, and asks nobody for anything.
    """
    with visit(browser, url_of(address, "leak")) as visited, visited.page.expect_download() as download:
        visited.page.click("text=Download as one HTML file")
        download.value.save_as(tmp_path / "incident.html")
    with visit(browser, f"file://{tmp_path}/incident.html", 360, "dark") as visited:
        assert (visited.problems, visited.hosts) == ([], {""})
        assert visited.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert Axe().run(visited.page).response["violations"] == []


def test_a_keyboard_reaches_the_content(browser: Browser, address: str) -> None:
    """
    The first key leads to a link that skips the navigation.
    """
    with visit(browser, url_of(address, "incidents")) as visited:
        visited.page.keyboard.press("Tab")
        assert visited.page.evaluate("document.activeElement.textContent") == "Skip to the content"
        visited.page.keyboard.press("Enter")
        assert visited.page.evaluate("document.activeElement.id") == "content"
