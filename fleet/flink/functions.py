"""
What the job does with the events of a fleet, with its state in Flink: take each once, and find incidents.
"""

from collections.abc import Iterator
from typing import Any

import orjson
from pyflink.common import Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext, TimerService
from pyflink.datastream.state import MapStateDescriptor, ValueStateDescriptor

from fleet.flink.events import HostEvent
from fleet.flink.timeline import Moment, Timeline
from fleet.incidents.event import publish


class Incidents(KeyedProcessFunction):  # type: ignore[misc]
    """
    Finds the incidents of a fleet; the whole fleet is one key (docs/adr/0031-one-key-for-a-fleet.md).

    The state is a snapshot of the detector, the events since then, how far they have been taken, and the names of the
    events in former snapshots, a list for each. So an event costs one write, and the detector itself stays in memory.

    Args:
        remember_s: for how long the id of an event is known.
    """

    def __init__(self, remember_s: int) -> None:
        self._remember_ms = remember_s * 1000
        self._timelines: dict[str, Timeline] = {}
        self._next_ms: int | None = None
        self._snapshot: Any = None
        self._events: Any = None
        self._taken: Any = None
        self._names: Any = None

    def open(self, runtime_context: RuntimeContext) -> None:
        """
        Take over what was known when the job was stopped.
        """
        bytes_type = Types.PRIMITIVE_ARRAY(Types.BYTE())
        self._snapshot = runtime_context.get_state(ValueStateDescriptor("snapshot", bytes_type))
        self._events = runtime_context.get_map_state(MapStateDescriptor("events", Types.STRING(), bytes_type))
        self._taken = runtime_context.get_state(ValueStateDescriptor("taken", Types.LONG()))
        self._names = runtime_context.get_map_state(MapStateDescriptor("names", Types.LONG(), bytes_type))

    def process_element(self, value: HostEvent, ctx: KeyedProcessFunction.Context) -> None:
        """
        Have an event wait for its time, unless its id is known.
        """
        host, event_id, body = value
        timeline = self._timeline(ctx.get_current_key())
        moment = timeline.add(ctx.timestamp(), f"{event_id}/{host}", body)
        if moment is not None:
            self._events.put(_name(moment), body)
            self._wait(ctx.timer_service())

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[bytes]:  # noqa: ARG002
        """
        Yield the incidents that open, change or end up to the watermark, as CloudEvents.
        """
        timeline = self._timeline(ctx.get_current_key())
        timers = ctx.timer_service()
        found = timeline.advance(timers.current_watermark())
        self._taken.update(timeline.taken_ms)
        if timeline.is_snapshot_due:
            self._keep(timeline)
        if timeline.is_waiting:
            self._wait(timers)
        for incident in found:
            yield orjson.dumps(publish(incident))

    def _keep(self, timeline: Timeline) -> None:
        """
        Replace the events that the detector has taken by its state and their names.
        """
        snapshot, contained = timeline.snapshot()
        self._snapshot.update(snapshot)
        for moment in contained:
            self._events.remove(_name(moment))
        self._names.put(timeline.taken_ms, orjson.dumps([moment.name for moment in contained]))
        for at_ms in [at_ms for at_ms in self._names.keys() if at_ms < timeline.taken_ms - self._remember_ms]:  # noqa: SIM118 (no dict)
            self._names.remove(at_ms)

    def _wait(self, timers: TimerService) -> None:
        """
        Ask to be called when the watermark moves: it may move past many events at once.
        """
        next_ms = timers.current_watermark() + 1
        if next_ms != self._next_ms:
            self._next_ms = next_ms
            timers.register_event_time_timer(next_ms)

    def _timeline(self, key: str) -> Timeline:
        timeline = self._timelines.get(key)
        if timeline is None:
            events = {_moment(name): body for name, body in self._events.items()}
            names = {at_ms: orjson.loads(listed) for at_ms, listed in self._names.items()}
            timeline = Timeline(self._snapshot.value(), events, self._taken.value() or 0, names, self._remember_ms)
            self._timelines[key] = timeline
        return timeline


def _name(moment: Moment) -> str:
    return f"{moment.at_ms}/{moment.name}"


def _moment(name: str) -> Moment:
    at_ms, _, rest = name.partition("/")
    return Moment(int(at_ms), rest)
