"""
Fixtures of the live suite, and saving the traces of a failed live test.
"""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.lab.agent import Agent
from tests.lab.engine import Engine, OwnEngine, find_engine
from tests.lab.image import build_image
from tests.lab.journald import journal_daemon
from tests.lab.lab import Lab
from tests.lab.traces import Traces

TRACES: Final = pytest.StashKey[Traces]()
_FAILURES: Final = Path(__file__).parents[2] / ".cache/failures"
_PROGRAMS: Final = ("dockerd", "containerd", "gcc", "systemd-cat")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """
    Save the traces of a failed test, and say where.
    """
    report = yield
    traces = item.stash.get(TRACES, None)
    if report.failed and report.when == "call" and traces is not None:
        directory = _FAILURES / "".join(c if c.isalnum() else "-" for c in item.name).strip("-")
        traces.save(directory)
        report.sections.append(("traces", f"the agent's log, kernel lines and Docker events: {directory}"))
    return report


@pytest.fixture(scope="session", autouse=True)
def journald() -> Iterator[None]:
    """
    Provide a journal daemon; skip the suite without root or the programs that it needs.
    """
    if os.geteuid() != 0:
        pytest.skip("the live suite needs root")
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"the live suite needs {', '.join(missing)}: run scripts/setup live")
    with journal_daemon():
        yield


@pytest.fixture(scope="session")
def engine(journald: None) -> Iterator[Engine]:
    """
    A Docker Engine with the lab's image: the host's, or one for this session.
    """
    engine = find_engine()
    try:
        build_image(engine.client)
        yield engine
    finally:
        engine.close()


@pytest.fixture(scope="module")
def lab(engine: Engine) -> Iterator[Lab]:
    """
    Runs containers on the engine of the session.
    """
    lab = Lab(engine.client)
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def agent(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """
    An agent that watches the engine of the session, and must stop cleanly at its end.
    """
    agent = Agent(tmp_path_factory.mktemp("agent"), engine.url)
    agent.start()
    yield agent
    agent.stop()


@pytest.fixture
def own_engine(journald: None) -> Iterator[OwnEngine]:
    """
    An engine that a test may stop, kill or cut off from power.
    """
    engine = OwnEngine()
    try:
        engine.start()
        build_image(engine.client)
        yield engine
    finally:
        engine.close()


@pytest.fixture
def engine_agent_without_logs(engine: Engine, tmp_path: Path) -> Iterator[Agent]:
    """
    An agent without any source of kernel lines.
    """
    agent = Agent(tmp_path, engine.url, without=("kmsg", "journald"))
    agent.start()
    yield agent
    agent.stop()
