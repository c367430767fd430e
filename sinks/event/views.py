"""
Typed views of a published event: the parts of docs/event.md that the agent itself reads.

A missing field has its default, so that an event of another version of exit137 can be read. Times stay RFC 3339, as
published. The views are made by sinks/event/reader.py.
"""

import msgspec

from sinks.event.ecs_views import (
    ClassificationView,
    ContainerView,
    HostView,
    OrchestratorView,
    ServiceView,
    View,
)
from sinks.event.fleet_views import CulpritView, FleetView, HostStatusView


class EvidenceView(View, frozen=True, kw_only=True):
    """
    An entry of `exit137.evidence`.
    """

    source: str = "?"
    time: str | None = None
    printed_time: str | None = None
    text: str = ""


class VictimView(View, frozen=True, kw_only=True):
    """
    An entry of `exit137.oom.victims`.
    """

    pid: int | None = None
    name: str | None = None
    container_id: str | None = None
    main_process: bool | None = None
    anon_rss_bytes: int | None = None
    file_rss_bytes: int | None = None
    shmem_rss_bytes: int | None = None
    oom_score_adj: int | None = None


class TriggerView(View, frozen=True, kw_only=True):
    """
    `exit137.oom.trigger`.
    """

    pid: int | None = None
    name: str | None = None


class CandidateView(View, frozen=True, kw_only=True):
    """
    An entry of `exit137.oom.candidates`.
    """

    pid: int | None = None
    name: str | None = None
    rss_bytes: int | None = None
    oom_score_adj: int | None = None


class OomView(View, frozen=True, kw_only=True):
    """
    `exit137.oom`.
    """

    killer: str | None = None
    scope: str | None = None
    limit_bytes: int | None = None
    victim_cgroup: str | None = None
    trigger: TriggerView | None = None
    victims: tuple[VictimView, ...] = ()
    choice: str | None = None
    candidates: tuple[CandidateView, ...] = ()


class DeathView(View, frozen=True, kw_only=True):
    """
    `exit137.death`.
    """

    exit_code: int | None = None
    signal: int | None = None
    started_at: str | None = None
    finished_at: str | None = None
    restart_count: int | None = None
    oom_kill_ids: tuple[str, ...] = ()


class SeriesView(View, frozen=True, kw_only=True):
    """
    `exit137.memory.series`.
    """

    seconds: tuple[float, ...] = ()
    bytes: tuple[int, ...] = ()

    @property
    def points(self) -> tuple[tuple[float, int], ...]:
        """
        The samples as (seconds before the event, bytes), oldest first.
        """
        return tuple(zip(self.seconds, self.bytes, strict=False))


class MemoryView(View, frozen=True, kw_only=True):
    """
    `exit137.memory`.
    """

    limit_bytes: int | None = None
    peak_bytes: int | None = None
    working_set_bytes: int | None = None
    swap_bytes: int | None = None
    trend: str | None = None
    trend_confidence: str | None = None
    growth_bytes_per_min: float | None = None
    series: SeriesView = SeriesView()


class PressureView(View, frozen=True, kw_only=True):
    """
    `exit137.pressure`.
    """

    kind: str
    level: str | None = None
    since: str | None = None


class StuckView(View, frozen=True, kw_only=True):
    """
    `exit137.stuck`.
    """

    state: str
    resolved: bool = False


class KernelView(View, frozen=True, kw_only=True):
    """
    `exit137.kernel`.
    """

    kind: str
    pid: int | None = None
    tid: int | None = None
    count: int = 1


class AdviceView(View, frozen=True, kw_only=True):
    """
    An entry of `exit137.advice`.
    """

    text: str
    reason: str = ""
    unless: str | None = None

    @property
    def exception(self) -> str | None:
        """
        The sentence that says when the advice does not apply.
        """
        return f"Does not apply if {self.unless}." if self.unless is not None else None


class TrimmedView(View, frozen=True, kw_only=True):
    """
    An entry of `exit137.trimmed`.
    """

    field: str
    unit: str
    kept: int
    of: int


class GapView(View, frozen=True, kw_only=True):
    """
    `exit137.gap`.
    """

    source: str
    what: str


class CrashView(View, frozen=True, kw_only=True):
    """
    `exit137.crash`.
    """

    line_missing: str | None = None
    module: str | None = None
    module_offset: str | None = None
    build_id: str | None = None
    function: str | None = None
    exe: str | None = None
    error: str | None = None
    frames: tuple[str, ...] = ()
    signature: str | None = None


class Exit137View(View, frozen=True, kw_only=True):
    """
    `exit137`.
    """

    cause: str | None = None
    confidence: str | None = None
    evidence: tuple[EvidenceView, ...] = ()
    oom: OomView | None = None
    death: DeathView | None = None
    memory: MemoryView | None = None
    pressure: PressureView | None = None
    stuck: StuckView | None = None
    kernel: KernelView | None = None
    crash: CrashView | None = None
    advice: tuple[AdviceView, ...] = ()
    logs: tuple[str, ...] = ()
    logs_missing: str | None = None
    gap: GapView | None = None
    culprit: CulpritView | None = None
    status: HostStatusView | None = None
    fleet: FleetView | None = None
    shed: tuple[str, ...] = ()
    trimmed: tuple[TrimmedView, ...] = ()


class DataView(View, frozen=True, kw_only=True):
    """
    `data`: the payload of the CloudEvent.
    """

    timestamp: str | None = msgspec.field(default=None, name="@timestamp")
    message: str = ""
    event: ClassificationView = ClassificationView()
    host: HostView = HostView()
    container: ContainerView | None = None
    orchestrator: OrchestratorView = OrchestratorView()
    service: ServiceView = ServiceView()
    exit137: Exit137View = Exit137View()


class EventView(View, frozen=True, kw_only=True):
    """
    A published event.
    """

    id: str = ""
    source: str = ""
    type: str = ""
    subject: str = ""
    time: str | None = None
    data: DataView = DataView()

    @property
    def exit137(self) -> Exit137View:
        """
        The namespace `exit137` of its data.
        """
        return self.data.exit137
