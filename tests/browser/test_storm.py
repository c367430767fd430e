"""
Pages that are open while a storm of events is stored.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from collector.store import Store
from tests.browser.conftest import make_containers
from tests.browser.test_pages import visit
from tests.shared.pages import config_of, fill, served, stop_agent
from tests.unit.collector.web.api.conftest import DEATH, event

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
COMMITS, EACH = 60, 20
LAST = f"event {COMMITS * EACH}"


@contextmanager
def storm(path: Path) -> Iterator[threading.Thread]:
    """
    Store deaths as the agent commits them, in a thread: Playwright has an event loop in the thread of the test.
    """

    async def commit() -> None:
        store = await Store.open(path, max_bytes=2**30)
        for first in range(1, COMMITS * EACH, EACH):
            deaths = [
                event(number, DEATH, container=f"{number:064x}", at_s=number, exit137={"cause": "crash"})
                for number in range(first, first + EACH)
            ]
            await store.commit(deaths, {})
            await asyncio.sleep(0.05)
        await store.aclose()

    thread = threading.Thread(target=lambda: asyncio.run(commit()))
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


@pytest.mark.parametrize("page", ["/", "/incidents"])
def test_an_open_page_follows_a_storm(browser: Browser, tmp_path: Path, page: str) -> None:
    """
    Without being loaded again it ends with the last event, without an error, and it answers to clicks all the while.
    """
    path = tmp_path / "exit137.db"
    filling = threading.Thread(target=lambda: asyncio.run(fill(path, [])))
    filling.start()
    filling.join()
    stop_agent(path, -3600)
    make_containers(tmp_path / "cgroups")
    with served(config_of(path, tmp_path / "cgroups")) as address, visit(browser, address + page) as visited:
        visited.page.evaluate("window.opened = true")
        with storm(path) as storing, visit(browser, address + "/incidents") as other:
            other.page.click("text=Now")
            assert other.page.inner_text("h1") == "Now"
            storing.join()
        visited.page.get_by_text(LAST).first.wait_for(timeout=60_000)
        assert visited.page.evaluate("window.opened")
        assert (visited.problems, other.problems) == ([], [])
