"""
A real Chromium, and pages of a store that a recording filled.
"""

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.shared.pages import config_of, fill, recorded, served, stop_agent
from tests.unit.collector.memory.trees import MIB, stat, write

PROGRAM: Final = "chromium"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """
    The distribution's Chromium; as root it has no sandbox of its own.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        if os.environ.get("EXIT137_NO_SKIP"):
            pytest.fail("chromium is not installed: scripts/setup live")
        pytest.skip("chromium is not installed: scripts/setup live")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """
    The address of the pages.
    """
    path: Path = tmp_path_factory.mktemp("store") / "exit137.db"
    # Playwright has an event loop in this thread.
    filling = threading.Thread(target=lambda: asyncio.run(fill(path, recorded())))
    filling.start()
    filling.join()
    # The agent counts as running for as long as the tests take.
    stop_agent(path, -3600)
    cgroups = tmp_path_factory.mktemp("cgroups")
    make_containers(cgroups)
    with served(config_of(path, cgroups)) as address:
        yield address


def make_containers(root: Path) -> None:
    """
    Build a cgroup v2 hierarchy with containers: near its limit, high, fine, without a limit or hardly used.
    """
    write(root, {"cgroup.controllers": "cpu memory"})
    for number, (used_mib, limit) in enumerate(((497, 512), (410, 512), (96, 256), (64, None), (30, 1024))):
        container_id = ("a" if number == 0 else "b" if number == 4 else f"{number:x}") * 64
        write(
            root / f"system.slice/docker-{container_id}.scope",
            {
                "memory.current": str(used_mib * MIB),
                "memory.max": str(limit * MIB) if limit is not None else "max",
                "memory.stat": stat(anon=used_mib * MIB, file=0, shmem=0, kernel=0, inactive_file=0),
            },
        )
