"""
The pages of a hub in a real browser: as sound as those of a host.
"""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.test_pages import visit
from tests.shared.hub_events import host_id
from tests.shared.hub_pages import regression, served_hub

pytestmark = pytest.mark.browser
PAGES = {
    "fleet": "/",
    "list": "/incidents",
    "list of a host": "/incidents?host=node-1&kind=container_death",
    "host": f"/host?id={host_id(1)}",
    "regression": f"/incident/{regression().id}",
    "service": "/service?name=shop",
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """
    The address of a hub with a host cause and a regression.
    """
    with served_hub(tmp_path_factory.mktemp("hub"), regression()) as address:
        yield address


@pytest.mark.parametrize(("width", "theme"), [(360, "light"), (1440, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_a_hub_is_sound(browser: Browser, hub: str, name: str, width: int, theme: str) -> None:
    """
    No error in the console, nothing to scroll sideways, and no violation that axe-core finds.
    """
    with visit(browser, hub + PAGES[name], width, theme) as visited:
        assert visited.problems == []
        assert visited.hosts == {hub.removeprefix("http://")}
        assert visited.page.evaluate("document.documentElement.scrollWidth") <= width
        violations = Axe().run(visited.page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in violations] == []


def test_a_host_is_chosen_without_script(browser: Browser, hub: str) -> None:
    """
    The form puts it into the address, and each row leads to its host.
    """
    with visit(browser, f"{hub}/incidents", script=False) as visited:
        page = visited.page
        page.fill("form.filters input[name=host]", "node-1")
        page.click("form.filters button")
        assert "host=node-1" in page.url
        page.click(".incidents a.chip >> nth=0")
        assert "node-1" in page.inner_text("h1")
