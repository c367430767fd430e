"""
What the job does with each event, with its state in Flink: see each event once, and find incidents.
"""

from collections.abc import Iterator
from typing import Any

import orjson
from pyflink.common import Time, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext, TimerService
from pyflink.datastream.state import MapStateDescriptor, StateTtlConfig, ValueStateDescriptor

from fleet.flink.events import HostEvent
from fleet.flink.timeline import Moment, Timeline
from fleet.incidents.event import publish


class FirstOfEach(KeyedProcessFunction):  # type: ignore[misc]
    """
    Passes on each event once; keyed by groups of hosts.

    The ids stand in Flink's state and in memory: asking Flink for an id that it does not know costs more than anything
    else here.

    Args:
        remember_s: for how long an id is known.
    """

    def __init__(self, remember_s: int) -> None:
        self._remember_s = remember_s
        self._known: dict[int, dict[str, int]] = {}
        self._ids: Any = None

    def open(self, runtime_context: RuntimeContext) -> None:
        """
        Take over the ids that were known when the job was stopped.
        """
        descriptor = MapStateDescriptor("ids", Types.STRING(), Types.LONG())
        descriptor.enable_time_to_live(StateTtlConfig.new_builder(Time.seconds(self._remember_s)).build())
        self._ids = runtime_context.get_map_state(descriptor)

    def process_element(self, value: HostEvent, ctx: KeyedProcessFunction.Context) -> Iterator[HostEvent]:
        """
        Pass on an event unless its id is known.
        """
        host, event_id, _ = value
        name = f"{host}/{event_id}"
        group = ctx.get_current_key()
        known = self._known.get(group)
        if known is None:
            known = self._known[group] = dict(self._ids.items())
        if name in known:
            return
        now_ms = ctx.timestamp()
        known[name] = now_ms
        self._ids.put(name, now_ms)
        _forget(known, now_ms - self._remember_s * 1000)
        yield value


class Incidents(KeyedProcessFunction):  # type: ignore[misc]
    """
    Finds the incidents of a fleet; the whole fleet is one key (docs/adr/0031-one-key-for-a-fleet.md).

    The state is a snapshot of the detector, the events since then, and how far they have been taken. So an event costs
    one write, and the detector itself stays in memory.
    """

    def __init__(self) -> None:
        self._timelines: dict[str, Timeline] = {}
        self._next_ms: int | None = None
        self._snapshot: Any = None
        self._events: Any = None
        self._taken: Any = None

    def open(self, runtime_context: RuntimeContext) -> None:
        """
        Take over what was known when the job was stopped.
        """
        bytes_type = Types.PRIMITIVE_ARRAY(Types.BYTE())
        self._snapshot = runtime_context.get_state(ValueStateDescriptor("snapshot", bytes_type))
        self._events = runtime_context.get_map_state(MapStateDescriptor("events", Types.STRING(), bytes_type))
        self._taken = runtime_context.get_state(ValueStateDescriptor("taken", Types.LONG()))

    def process_element(self, value: HostEvent, ctx: KeyedProcessFunction.Context) -> None:
        """
        Have an event wait for its time.
        """
        host, event_id, body = value
        timeline = self._timeline(ctx.get_current_key())
        moment = timeline.add(ctx.timestamp(), f"{event_id}/{host}", body)
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
            snapshot, contained = timeline.snapshot()
            self._snapshot.update(snapshot)
            for moment in contained:
                self._events.remove(_name(moment))
        if timeline.is_waiting:
            self._wait(timers)
        for incident in found:
            yield orjson.dumps(publish(incident))

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
            timeline = Timeline(self._snapshot.value(), events, self._taken.value() or 0)
            self._timelines[key] = timeline
        return timeline


def _forget(known: dict[str, int], before_ms: int) -> None:
    """
    Drop the ids that came first, as long as they are old.
    """
    while known and (first := next(iter(known))) and known[first] < before_ms:
        del known[first]


def _name(moment: Moment) -> str:
    return f"{moment.at_ms}/{moment.name}"


def _moment(name: str) -> Moment:
    at_ms, _, rest = name.partition("/")
    return Moment(int(at_ms), rest)
