"""
One container: what is known of it, and its latest runs.
"""

from dataclasses import dataclass, field
from typing import Final

from collector.correlate.kill_in_run import KillInRun
from collector.correlate.runs import CLOCK_SLACK_NS, Run
from parsers.docker_inspect import ContainerSnapshot
from parsers.engine import ContainerEngine, EngineName

_RUNS_KEPT: Final = 4
# A late answer of Docker may bring many runs at once; one that is forgotten before its verdict has lost its kills.
_UNJUDGED_RUNS_KEPT: Final = 256


UNIT_LABEL: Final = "PODMAN_SYSTEMD_UNIT"


@dataclass(slots=True, kw_only=True)
class ContainerRecord:
    """
    One container: its latest snapshot, its metadata as events showed it, and its latest runs.

    Attributes:
        attributes: of its events, its labels among them.
        first_attributes: those of its `create` and `start` events: its labels, and what all events have.
        cgroup: the one that its main process was seen in; None where nobody could look in time.
        engine: the engine that runs it; None before it has answered.
        is_engine_proven: whether more than an event of that engine says so.
    """

    id: str
    name: str | None = None
    image: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    first_attributes: frozenset[str] = frozenset()
    snapshot: ContainerSnapshot | None = None
    runs: list[Run] = field(default_factory=list)
    created_event_ns: int | None = None
    start_failure_published: str | None = None
    cgroup: str | None = None
    engine: ContainerEngine | None = None
    is_engine_proven: bool = False
    last_seen_ns: int = 0
    destroyed: bool = False

    def learn_engine(self, engine: ContainerEngine | None, *, is_proof: bool) -> None:
        """
        Keep which engine runs it. The journal names Podman without its version.
        """
        self.is_engine_proven = self.is_engine_proven or is_proof
        known = self.engine
        if engine is not None and (known is None or engine.version is not None or known.name is not engine.name):
            self.engine = engine

    def may_be_gone(self, engine: ContainerEngine | None) -> bool:
        """
        Return whether it is gone where an engine does not know it; None is the host's Docker. An engine of Podman knows
        only its own containers.
        """
        is_own = self.engine is not None and engine is not None and self.engine.uid == engine.uid
        return engine is None or (is_own and self.is_engine_proven)

    @property
    def run(self) -> Run | None:
        """
        The run that goes on, else the last one.
        """
        return self.runs[-1] if self.runs else None

    @property
    def living(self) -> Run | None:
        """
        The run that goes on, if one does.
        """
        return self.runs[-1] if self.runs and not self.runs[-1].ended else None

    @property
    def runtime(self) -> str:
        """
        The name of its engine, which is Docker unless another one has answered.
        """
        return (self.engine.name if self.engine is not None else EngineName.DOCKER).value

    @property
    def is_dockers(self) -> bool:
        """
        Whether Docker runs it.
        """
        return self.runtime == EngineName.DOCKER.value

    @property
    def unit(self) -> str | None:
        """
        The systemd unit that runs it, for example of a Quadlet file, as the label says that Podman sets in a unit.
        """
        labels = self.snapshot.labels if self.snapshot is not None else self.attributes
        return labels.get(UNIT_LABEL) or None

    def take_unseen(self) -> Run | None:
        """
        Remove and return a run of which only signals are known: they were sent to an earlier run, or to a later one.
        """
        run = self.living
        return self.runs.pop() if run is not None and run.began_ns is None and run.main_pid is None else None

    def may_be_labelled(self, attribute: str) -> bool:
        """
        Return whether a label may have replaced this attribute of an event: Docker copies labels over attributes.
        """
        if self.snapshot is not None:
            return attribute in self.snapshot.labels
        return attribute in self.first_attributes

    def trusted(self, attribute: str, value: int | None) -> int | None:
        """
        Return the value of an event's attribute, unless a label of the same name may have replaced it.
        """
        return None if self.may_be_labelled(attribute) else value

    def has_forgotten(self, snapshot: ContainerSnapshot) -> bool:
        """
        Return whether a snapshot shows a run older than the oldest that is kept.
        """
        return bool(self.runs) and (snapshot.started_at_ns or 0) < self.runs[0].not_before_ns

    def run_at(self, at_ns: int | None) -> Run | None:
        """
        Return the run to which a time belongs: the latest that had begun by then.
        """
        if at_ns is None:
            return self.run
        return next((run for run in reversed(self.runs) if run.had_begun(at_ns)), None)

    def run_of(self, kill: KillInRun) -> Run | None:
        """
        Return the run that lost a process: the one with this main process, else the one of that time.
        """
        own = (run for run in reversed(self.runs) if run.main_pid == kill.pid and run.had_begun(kill.at_ns))
        return next(own, None) or self.run_at(kill.at_ns)

    def begin(self, run: Run, earlier_end_ns: int | None = None) -> Run:
        """
        Add a run; the oldest that have a verdict are forgotten.

        An end before the run is given where that was published before a restart.
        """
        ended_ns = self.run.die_event_ns if self.run is not None else earlier_end_ns
        if ended_ns is not None:
            run.not_before_ns = ended_ns + CLOCK_SLACK_NS
        self.runs.append(run)
        while len(self.runs) > (_RUNS_KEPT if self.runs[0].judged else _UNJUDGED_RUNS_KEPT):
            del self.runs[0]
        return run
