"""
Which stored events are asked for, as conditions of SQL.
"""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, TypedDict

from collector.store.fields import NAME_CHARACTERS, NO_STATUS

_STATUS: Final = "exit137.host_status"
_SEARCHED: Final = ("message", "container_name", "container_id", "service", "image")
# Sorts after every other character.
_LAST_CHARACTER: Final = "\U0010ffff"


class EventFilter(TypedDict, total=False):
    """
    Which events to read; a key that is missing or None does not restrict them.

    Attributes:
        since_ns: events that happened at this time or later.
        until_ns: events that happened before this time.
        container: a container's name, else its id or the beginning of its id.
        types: events of these types.
        causes: deaths with these causes.
        service: events of this service.
        image: events of containers of this image.
        host: events of the host with this machine id; quick only in the store of a hub.
        text: events that contain this in message, container, service or image; ASCII letters match in both cases.
    """

    since_ns: int | None
    until_ns: int | None
    container: str | None
    types: Collection[str] | None
    causes: Collection[str] | None
    service: str | None
    image: str | None
    host: str | None
    text: str | None


class Search:
    """
    A filter as conditions of SQL on `event_fields AS f`.

    Args:
        connection: to the store.
        wanted: the filter.

    Attributes:
        selected: the condition whose index is used.
        compared: the conditions that are compared with what that selects.
        values: their parameters.
    """

    def __init__(self, connection: sqlite3.Connection, wanted: EventFilter) -> None:
        self.values: dict[str, Any] = {}
        conditions = [*self._container(connection, wanted.get("container")), *self._fields(wanted)]
        # An index on one value has its rows in the order of seq. No other condition may use one: hence the plus.
        best = next((number for number, (_, is_indexed) in enumerate(conditions) if is_indexed), None)
        self.selected = _otherwise(wanted) if best is None else f"f.{conditions[best][0]}"
        rest = [f"+f.{text}" for number, (text, _) in enumerate(conditions) if number != best]
        self.compared = " AND ".join([*rest, *self._times(wanted), *self._text(wanted.get("text"))]) or "1"

    @property
    def all(self) -> str:
        """
        All conditions, none by an index.
        """
        return f"+{self.selected} AND {self.compared}"

    def _container(self, connection: sqlite3.Connection, container: str | None) -> Iterator[tuple[str, bool]]:
        if container is None:
            return
        self.values |= {
            "container": container[:NAME_CHARACTERS],
            "id_end": container[:NAME_CHARACTERS] + _LAST_CHARACTER,
        }
        if _is_known_name(connection, self.values):
            yield "container_name = :container", True
            return
        between = "container_id BETWEEN :container AND :id_end"
        first, last = (
            connection.execute(f"SELECT {pick}(container_id) FROM event_fields WHERE {between}", self.values).fetchone()  # noqa: S608 (no user input)
            for pick in ("min", "max")
        )
        if first == last:
            self.values["container"] = first[0]
            yield "container_id = :container", True
        else:
            yield between, False

    def _fields(self, wanted: EventFilter) -> Iterator[tuple[str, bool]]:
        service, image, causes = wanted.get("service"), wanted.get("image"), wanted.get("causes")
        host = wanted.get("host")
        if service is not None:
            self.values["service"] = service[:NAME_CHARACTERS]
            yield "service = :service", True
        if host is not None:
            self.values["host"] = host[:NAME_CHARACTERS]
            yield "host = :host", True
        if causes is not None and len(causes) == 1:
            (self.values["cause"],) = causes
            yield "cause = :cause", True
        else:
            yield from ((condition, False) for condition in is_one_of("cause", causes, self.values))
        if image is not None:
            self.values["image"] = image[:NAME_CHARACTERS]
            yield "image = :image", False
        yield from ((condition, False) for condition in is_one_of("type", wanted.get("types"), self.values))

    def _times(self, wanted: EventFilter) -> Iterator[str]:
        for key, text in (("since_ns", "f.time_ns >= :since_ns"), ("until_ns", "f.time_ns < :until_ns")):
            if wanted.get(key) is not None:
                self.values[key] = wanted.get(key)
                yield text

    def _text(self, text: str | None) -> Iterator[str]:
        if text:
            escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            self.values["text"] = f"%{escaped}%"
            yield "(" + " OR ".join(rf"f.{column} LIKE :text ESCAPE '\'" for column in _SEARCHED) + ")"


def _otherwise(wanted: EventFilter) -> str:
    """
    Return the condition that selects where no field does: all events, without the statuses if none is wanted.
    """
    types = wanted.get("types")
    return "1" if types is None or _STATUS in types else f"{NO_STATUS} = 1"


def is_one_of(column: str, choices: Collection[str] | None, values: dict[str, Any]) -> Sequence[str]:
    """
    Return the condition that a column has one of these values, and add its parameters; nothing if there are no choices.
    """
    if choices is None:
        return ()
    named = {f"{column}_{number}": choice for number, choice in enumerate(choices)}
    values.update(named)
    return (f"{column} IN ({', '.join(f':{name}' for name in named)})",)


def _is_known_name(connection: sqlite3.Connection, values: dict[str, Any]) -> bool:
    found = connection.execute("SELECT 1 FROM event_fields WHERE container_name = :container LIMIT 1", values)
    return found.fetchone() is not None
