"""
What holds for all tests: in CI a test that is skipped is a test that fails, and none fails because the machine is slow.

CI tries the same examples each time, so that a change is judged by what it changes. Everybody else tries new ones.
"""

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from tests.opensearch.running import running

# A node is started only where a test asks for it.
__all__ = ["running"]

_IN_CI = os.environ.get("EXIT137_NO_SKIP") == "1"
settings.register_profile(
    "no clock",
    parent=settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=_IN_CI,
    database=None if _IN_CI else settings.default.database,
)
settings.load_profile("no clock")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """
    Turn skips into failures where EXIT137_NO_SKIP is set; the reason stays.
    """
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """
    Do the same for modules that skip as a whole.
    """
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    expected = hasattr(report, "wasxfail")
    if report.skipped and not expected and _IN_CI:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"EXIT137_NO_SKIP forbids: {reason}"
