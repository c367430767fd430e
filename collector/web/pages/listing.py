"""
The content of the pages that list incidents: all of them, and those of a service.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from collector.store import EventFilter, PastEvent, PastEvents
from collector.web.pages.causes import CAUSES, Look, look_of
from collector.web.pages.days import Day, days_of, first_day_ns
from collector.web.pages.list_filters import ListFilters
from sinks.chat.groups import Group, gathered, name_of
from sinks.chat.titles import host_of, owner_of, title_of
from sinks.event.reader import read_events
from sinks.event.views import EventView
from sinks.event.words import EventType

PAGE_EVENTS: Final = 100
_SERVICES: Final = 200
_VERSIONS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    A group of incidents in a list.

    Attributes:
        newest: the incidents of the group, newest first.
        hosts: the ids and names of their hosts.
    """

    title: str
    owner: str
    look: Look
    newest: Sequence[EventView]
    hosts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """
    A page of incidents.

    Attributes:
        rows: newest first.
        older: the address of the next page; None on the last one.
        days: incidents per day; they count by cause, kind and service alone.
        services: the services with incidents, for the form.
    """

    filters: ListFilters
    rows: Sequence[Row]
    older: str | None
    days: Sequence[Day]
    total: int
    services: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """
    The deaths of one version of a service.

    Attributes:
        name: tag or version; `?` if it is not known.
        digest: of the image.
        peak_percent: the highest peak, compared with the limit; None if one of the two is not known.
    """

    name: str
    digest: str | None
    deaths: int
    looks: Sequence[tuple[Look, int]]
    first: str | None
    last: str | None
    peak_bytes: int | None
    limit_bytes: int | None
    peak_percent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """
    The page of a service.

    Attributes:
        causes: how many deaths had which cause, the most frequent first.
        versions: newest first.
        advice: the event with the latest advice; None if there is none.
    """

    name: str
    days: Sequence[Day]
    causes: Sequence[tuple[str, Look, int]]
    versions: Sequence[Version]
    advice: EventView | None
    rows: Sequence[Row]


def listing_of(past: PastEvents, filters: ListFilters, now_ns: int) -> Listing:
    """
    Return a page of incidents.

    Raises:
        StoreError: the store cannot be read.
    """
    wanted = filters.event_filter(now_ns)
    page = past.page(limit=PAGE_EVENTS, before_seq=filters.before_seq, **wanted)
    counts = past.count_by("day", "type", "cause", **_counted(wanted, now_ns))
    days = days_of(counts, now_ns)
    services = past.count_by("service")
    return Listing(
        filters=filters,
        rows=rows_of(page.events),
        older=filters.url(before=page.next_before_seq) if page.next_before_seq is not None else None,
        days=days,
        total=sum(day.memory + day.other for day in days),
        services=[count.service for count in services if count.service][:_SERVICES],
    )


def service_of(past: PastEvents, name: str, now_ns: int) -> Service:
    """
    Return the page of a service.

    Raises:
        StoreError: the store cannot be read.
    """
    deaths = past.page(limit=PAGE_EVENTS, service=name, types=(EventType.CONTAINER_DEATH.value,)).events
    wanted = EventFilter(types=(EventType.OOM_KILL.value, EventType.CONTAINER_DEATH.value), service=name)
    counts = past.count_by("day", "type", "cause", **_counted(wanted, now_ns))
    causes = past.count_by("cause", service=name, types=(EventType.CONTAINER_DEATH.value,))
    views = read_events(event.body for event in deaths)
    return Service(
        name=name,
        days=days_of(counts, now_ns),
        causes=sorted(
            ((one.cause, CAUSES[one.cause], one.events) for one in causes if one.cause and one.cause in CAUSES),
            key=lambda cause: -cause[2],
        ),
        versions=_versions(views),
        advice=next((view for view in views if view.exit137.advice), None),
        rows=rows_of(deaths),
    )


def rows_of(events: Iterable[PastEvent]) -> list[Row]:
    """
    Group events as notifications do.

    Args:
        events: newest first.
    """
    groups = (Group(events=each[::-1]) for each in gathered(read_events(event.body for event in events), name_of))
    return [
        Row(
            title=title_of(each.last),
            owner=owner_of(each.last),
            look=look_of(each.last),
            newest=each.events[::-1],
            hosts=list(dict.fromkeys((event.data.host.id or "", host_of(event)) for event in each.events)),
        )
        for each in groups
    ]


def _counted(wanted: EventFilter, now_ns: int) -> EventFilter:
    """
    Return the part of a filter by which events are counted, for the days of the chart.
    """
    since_ns = first_day_ns(now_ns)
    return EventFilter(
        types=wanted.get("types"), causes=wanted.get("causes"), service=wanted.get("service"), since_ns=since_ns
    )


def _versions(deaths: Sequence[EventView]) -> list[Version]:
    """
    Return the versions of a service, newest first, by name and digest of the image.
    """
    return [_version(each) for each in gathered(deaths, lambda death: str(_version_key(death)))[:_VERSIONS]]


def _version_key(death: EventView) -> tuple[str | None, str | None]:
    container = death.data.container
    hashes = container.image.hash.all if container is not None else ()
    image = container.image.name if container is not None else None
    return death.data.service.version or image, hashes[0] if hashes else None


def _version(deaths: Sequence[EventView]) -> Version:
    name, digest = _version_key(deaths[0])
    memories = [death.exit137.memory for death in deaths if death.exit137.memory is not None]
    peak = max((memory.peak_bytes or 0 for memory in memories), default=0)
    limit = next((memory.limit_bytes for memory in memories if memory.limit_bytes), None)
    looks: dict[Look, int] = {}
    for death in deaths:
        looks[look_of(death)] = looks.get(look_of(death), 0) + 1
    times = sorted(death.time for death in deaths if death.time is not None)
    return Version(
        name=name or "?",
        digest=digest,
        deaths=len(deaths),
        looks=sorted(looks.items(), key=lambda item: -item[1]),
        first=times[0] if times else None,
        last=times[-1] if times else None,
        peak_bytes=peak or None,
        limit_bytes=limit,
        peak_percent=round(100 * min(1.0, max(0, peak) / limit)) if peak and limit and limit > 0 else None,
    )
