"""
Statuses of the host, over a real store and a real analyzer.
"""

from pathlib import Path

from collector.analyzer import Analyzer
from collector.delivery import addressed
from collector.runtime.status_reports import StatusReports
from collector.store import Store
from sinks.event import Event
from tests.unit.collector.correlate.scene import START as START_ACTION
from tests.unit.collector.correlate.scene import THIS_HOST, A, docker, ns, running


def seconds(event: Event) -> float:
    status = event.exit137.status
    assert status is not None
    return sum(service.container_seconds for service in status.services)


async def test_time_counts_from_the_last_status_before_a_restart(tmp_path: Path) -> None:
    """
    Containers run on while the agent is down.
    """
    store = await Store.open(tmp_path / "s.db")
    for at_s, counted_s in ((60, 40.0), (300, 240.0)):
        analyzer = Analyzer(THIS_HOST)
        reports = StatusReports(analyzer, store, list, wall_ns=lambda: ns(20))
        await reports.apply(60)
        for fact in (docker(START_ACTION, 0.02), running(A)):
            analyzer.feed(fact, ns(0))
        status = reports._status(60, ns(at_s))
        assert seconds(status) == counted_s
        await store.commit([addressed(status, [])], {})
    await store.aclose()


async def test_without_an_interval_nothing_is_due(tmp_path: Path) -> None:
    """
    Also after a reload that removes it.
    """
    store = await Store.open(tmp_path / "s.db")
    reports = StatusReports(Analyzer(THIS_HOST), store, list)
    await reports.apply(60)
    assert reports.schedule.due_ns is not None
    await reports.apply(None)
    assert reports.schedule.due_ns is None
    await store.aclose()
