"""
From what is known of a run to the case that the verdict is about.
"""

import signal as signals
from dataclasses import dataclass
from typing import Final

from collector.correlate.facts import ProcessExited, SignalSeen
from collector.correlate.runs import ContainerRecord, KillInRun, Run
from collector.correlate.verdict.case import SIGTERM, Case

_SECOND: Final = 1_000_000_000
_NEAR_NS: Final = 60 * _SECOND


@dataclass(slots=True, kw_only=True)
class EngineTimes:
    """
    When the Docker daemon last stopped answering, and when it answered again.
    """

    down_ns: int | None = None
    up_ns: int | None = None


def open_case(
    record: ContainerRecord,
    run: Run,
    *,
    kills: tuple[KillInRun, ...],
    main_exit: ProcessExited | None = None,
    sender: SignalSeen | None = None,
    engine: EngineTimes,
    kernel_log: bool,
    rebooted: bool,
    booted_ns: int | None,
) -> Case:
    """
    The case of one ended run.
    """
    snapshot = record.snapshot
    after = run.after
    near = _engine_near(engine, run.ended_ns)
    return Case(
        container_id=record.id,
        began_ns=run.began_ns,
        started=run.began_ns is not None or run.die_event_ns is not None,
        ended_ns=run.ended_ns,
        die_event_ns=run.die_event_ns,
        exit_code=after.exit_code if after is not None else run.exit_code,
        main_pid=run.main_pid,
        init=bool(snapshot is not None and snapshot.init),
        auto_remove=bool(snapshot is not None and snapshot.auto_remove),
        stop_signal=signal_number(snapshot.stop_signal if snapshot is not None else None),
        signals=tuple(run.signals),
        stop_ns=run.stop_ns,
        destroy_ns=run.destroy_ns,
        oom_events_ns=tuple(run.oom_events_ns),
        oom_killed_flag=after.oom_killed if after is not None else None,
        kills=kills,
        main_exit=main_exit,
        sender=sender,
        error=(after.error or None) if after is not None else None,
        kernel_log=kernel_log,
        engine_down_ns=near.down_ns,
        engine_up_ns=near.up_ns,
        rebooted=rebooted,
        booted_ns=booted_ns,
    )


def signal_number(name: str | None) -> int:
    """
    The number of a stop signal as Docker keeps it: `SIGQUIT`, `QUIT`, `3` or nothing (SIGTERM).
    """
    if not name:
        return SIGTERM
    if name.isdecimal():
        return int(name[:3])
    full = name.upper() if name.upper().startswith("SIG") else f"SIG{name.upper()}"
    return signals.Signals[full].value if full in signals.Signals.__members__ else SIGTERM


def _engine_near(engine: EngineTimes, ended_ns: int | None) -> EngineTimes:
    """
    The daemon's times where they can have to do with an end; none otherwise.
    """
    if engine.down_ns is None or ended_ns is None:
        return EngineTimes()
    began_before_end = engine.down_ns <= ended_ns + _NEAR_NS
    lasted_until_end = engine.up_ns is None or engine.up_ns + _NEAR_NS >= ended_ns
    return engine if began_before_end and lasted_until_end else EngineTimes()
