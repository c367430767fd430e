"""
How large a published event may be, and what gives way when it would be larger; `exit137.trimmed` names all of it.

Kafka's brokers refuse more than 1 MiB by default, and receivers of webhooks often less. Texts of many pages are cut
first. Then the largest of what only describes is halved, again and again: log lines (the newest stay), samples of
memory (the newest stay), labels (the shortest stay), candidates. Only when little is left of those, lists that prove
something are halved, down to their first entry; in the end every text is cut to a few lines.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import orjson

from sinks.event.words import TrimUnit

MAX_EVENT_BYTES: Final = 262_144
_LONG_TEXT: Final = 16_384
_SHORT_TEXT: Final = 256
_LITTLE_BYTES: Final = 2048
_LOGS: Final = "exit137.logs"
_LABELS: Final = "container.labels"
_SERIES: Final = "exit137.memory.series"
_DESCRIBING: Final = (_LOGS, _SERIES, _LABELS, "exit137.oom.candidates")
_NEWEST_STAY: Final = (_LOGS, _SERIES)

# Where a value stands: the object or list that holds it, and its key or index there.
_Place: TypeAlias = tuple[Any, Any]


def fit(document: dict[str, Any], max_bytes: int = MAX_EVENT_BYTES) -> bytes:
    """
    An event as JSON of at most so many bytes; the document is changed if need be.

    Args:
        document: the event, as the schema describes it.
        max_bytes: at least 131,072: what is left when all that may be trimmed was.
    """
    encoded = orjson.dumps(document)
    if len(encoded) <= max_bytes:
        return encoded
    trim = _Trim(document, max_bytes)
    trim.cut_texts(_LONG_TEXT)
    trim.halve(describing=True, down_to=0)
    trim.halve(describing=False, down_to=1)
    if trim.excess():
        trim.cut_texts(_SHORT_TEXT)
    return orjson.dumps(document)


class _Trim:
    """
    One event that is being trimmed.
    """

    def __init__(self, document: dict[str, Any], max_bytes: int) -> None:
        self._document = document
        self._max_bytes = max_bytes
        self._noted: dict[tuple[str, TrimUnit], dict[str, Any]] = {}

    def excess(self) -> bool:
        """
        Whether it is still too large.
        """
        return len(orjson.dumps(self._document)) > self._max_bytes

    def cut_texts(self, longest: int) -> None:
        """
        Cut every text that is longer, in characters; a list's texts are noted together, by the longest of them.
        """
        for path, (holder, key) in list(_texts(self._document)):
            text = holder[key]
            if len(text) > longest:
                holder[key] = text[:longest]
                self._note(path, TrimUnit.CHARACTERS, kept=longest, of=len(text))

    def halve(self, *, describing: bool, down_to: int) -> None:
        """
        Halve the largest of the lists until the event fits, or until none of them has more than a little to give.
        """
        while self.excess():
            lists = {path: place for path, place in _lists(self._document) if (path in _DESCRIBING) == describing}
            sizes = {
                path: len(orjson.dumps(holder[key]))
                for path, (holder, key) in lists.items()
                if len(holder[key]) > down_to
            }
            largest = max(sizes, key=lambda path: sizes[path], default=None)
            if largest is None or sizes[largest] <= _LITTLE_BYTES:
                return
            holder, key = lists[largest]
            before = len(holder[key])
            holder[key] = _half(largest, holder[key], max(before // 2, down_to))
            self._note(largest, TrimUnit.ENTRIES, kept=len(holder[key]), of=before)

    def _note(self, path: str, unit: TrimUnit, *, kept: int, of: int) -> None:
        """
        Say in the event what was done; what is trimmed again keeps its first size.
        """
        known = self._noted.get((path, unit))
        most = of if known is None else max(known["of"], of)
        self._noted[path, unit] = {"field": path, "unit": unit.value, "kept": kept, "of": most}
        self._document["data"]["exit137"]["trimmed"] = list(self._noted.values())


def _half(path: str, value: Any, count: int) -> Any:  # noqa: ANN401 (a list, or an object of labels)
    if isinstance(value, dict):
        return dict(sorted(value.items(), key=lambda item: len(item[0]) + len(item[1]))[:count])
    if path in _NEWEST_STAY:
        return value[len(value) - count :]
    return value[:count]


def _lists(document: dict[str, Any]) -> Iterator[tuple[str, _Place]]:
    """
    What can have any number of entries, by its path in `data`.
    """
    for path, (holder, key) in _fields(document["data"]):
        if path == _LABELS or (isinstance(holder[key], list) and path != "exit137.trimmed"):
            yield path, (holder, key)


def _texts(document: dict[str, Any]) -> Iterator[tuple[str, _Place]]:
    """
    All texts, by their path in `data`, or in the envelope, whose names are not among those of `data`.
    """
    yield from ((name, (document, name)) for name in ("source", "subject") if name in document)
    for path, (holder, key) in _fields(document["data"]):
        yield from _texts_in(path, holder, key)


def _texts_in(path: str, holder: Any, key: Any) -> Iterator[tuple[str, _Place]]:  # noqa: ANN401 (JSON)
    value = holder[key]
    if isinstance(value, str):
        yield path, (holder, key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict):
                for name in item:
                    yield from _texts_in(f"{path}.{name}", item, name)
            else:
                yield from _texts_in(path, value, index)
    elif path == _LABELS:
        for name in value:
            yield path, (value, name)


def _fields(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, _Place]]:
    """
    All fields with their paths, but not what is within lists and labels.
    """
    for name, item in value.items():
        path = f"{prefix}{name}"
        if isinstance(item, dict) and path != _LABELS:
            yield from _fields(item, f"{path}.")
        else:
            yield path, (value, name)
