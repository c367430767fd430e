"""
What a recorded inspection shows, and from when on.
"""

from collector.facts.observed import SnapshotFact
from collector.recordings.inspections import snapshot_facts
from tests.unit.collector.correlate.scene import CREATE, DIE, docker, ended, ns


def test_the_configuration_of_a_container_is_known_from_its_creation_on() -> None:
    """
    Its state is not: a replay must not know the end before it comes.
    """
    inspected = ended(finished_s=10, exit_code=137, oom_killed=True, pid=7).snapshot
    events = [docker(CREATE, 0), docker(DIE, 10)]
    (began_ns, before), (ended_ns, after) = snapshot_facts([inspected], events)
    assert isinstance(before, SnapshotFact)
    assert isinstance(after, SnapshotFact)
    known = before.snapshot
    assert (known.started_at_ns, known.finished_at_ns, known.pid, known.exit_code) == (None, None, None, 0)
    assert (known.oom_killed, known.running, known.name) == (False, False, "box-a")
    assert (began_ns, after.snapshot) == (ns(0), inspected)
    assert ended_ns > ns(10)
