"""
Hands each event of the fleet to the detectors that it concerns.

The detector has no clock: the caller says what time it is. What is due before that time is done first, each at its own
time, so that the incidents depend only on the events and on when they arrived.
"""

from collections.abc import Mapping
from typing import Any, Final

from fleet.incidents.census import Census
from fleet.incidents.host_causes import HostCauses
from fleet.incidents.incident import Incident
from fleet.incidents.observations import (
    ORDERED,
    Death,
    HostSignal,
    Kill,
    Observation,
    Status,
    is_host_kill,
    observation_of,
    origin_of,
)
from fleet.incidents.recent_deaths import RecentDeaths
from fleet.incidents.seen_events import SeenEvents
from fleet.incidents.settings import Settings
from fleet.incidents.silent_hosts import SilentHosts
from sinks.event.reader import UnreadableEventError, view_of

_NS_PER_S: Final = 1_000_000_000
STATE_VERSION: Final = 1
_DEFAULTS: Final = Settings()


class Detector:
    """
    Events and time in, incidents out. The state is bounded, and `save` returns it as JSON.
    """

    def __init__(self, settings: Settings = _DEFAULTS, *, state: Mapping[str, Any] | None = None) -> None:
        """
        Begin with nothing known, or with a state that `save` returned.
        """
        saved = state or {}
        self._now_ns: int = saved.get("now_ns", 0)
        self._seen = SeenEvents(saved.get("seen"))
        self._census = Census(saved.get("census"))
        self._recent = RecentDeaths(round(settings.host_window_s * _NS_PER_S), saved.get("recent"))
        self._silent_hosts = SilentHosts(settings, self._census, saved.get("silent_hosts"))
        self._host_causes = HostCauses(settings, self._census, self._recent, saved.get("host_causes"))

    @classmethod
    def restore(cls, state: Mapping[str, Any], settings: Settings = _DEFAULTS) -> "Detector":
        """
        Return a detector that goes on where another one was saved; begin anew if another version saved it.
        """
        return cls(settings, state=state if state.get("version") == STATE_VERSION else None)

    def save(self) -> dict[str, Any]:
        """
        Return the state as JSON.
        """
        return {
            "version": STATE_VERSION,
            "now_ns": self._now_ns,
            "seen": self._seen.save(),
            "census": self._census.save(),
            "recent": self._recent.save(),
            "silent_hosts": self._silent_hosts.save(),
            "host_causes": self._host_causes.save(),
        }

    def observe(self, event: Mapping[str, Any], now_ns: int) -> list[Incident]:
        """
        Take one published event; return the incidents that open, change or end now.

        Args:
            event: a structured CloudEvent, parsed from JSON. One that is repeated or unreadable is ignored.
            now_ns: the time at which it arrived, nanoseconds since 1970.
        """
        found = self.advance(now_ns)
        try:
            view = view_of(event)
        except UnreadableEventError:
            return found
        origin = origin_of(view, self._now_ns)
        if origin is None:
            return found
        observation = observation_of(view, origin)
        if observation is None or not self._is_new(observation):
            return found
        match observation:
            case Status():
                self._census.observe(observation)
                found += self._silent_hosts.observe(observation, self._now_ns)
            case Death():
                found += self._death(observation)
            case Kill():
                if is_host_kill(observation) and observation.culprit_id is None:
                    self._host_causes.memory_ran_out(origin)
            case HostSignal():
                self._host_causes.signal(observation)
        return found

    def advance(self, now_ns: int) -> list[Incident]:
        """
        Let time pass; return the incidents that open, change or end because of that.

        Args:
            now_ns: the time now, nanoseconds since 1970. A time before an earlier one is taken for that one.
        """
        found: list[Incident] = []
        detectors = (self._silent_hosts, self._host_causes)
        while True:
            due = [(detector.due_ns, detector) for detector in detectors]
            at_ns, first = min(
                ((at_ns, detector) for at_ns, detector in due if at_ns is not None and at_ns <= now_ns),
                key=lambda item: item[0],
                default=(None, None),
            )
            if at_ns is None or first is None:
                break
            self._now_ns = max(self._now_ns, at_ns)
            found += first.advance(self._now_ns)
        self._now_ns = max(self._now_ns, now_ns)
        return found

    def _is_new(self, observation: Observation) -> bool:
        origin = observation.origin
        if isinstance(observation, Status):
            return self._seen.is_new_status(origin.host, origin.event_id)
        return self._seen.is_new(origin.event_id)

    def _death(self, death: Death) -> list[Incident]:
        if death.cause in ORDERED:
            return []
        service = death.service or death.container
        if service is None:
            return []
        self._recent.add(death, service)
        return self._host_causes.observe(death, service, self._now_ns)
