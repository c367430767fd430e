"""
The size limit of a published event, and what is trimmed to keep to it; `exit137.trimmed` lists what was trimmed.

Kafka's brokers refuse more than 1 MiB by default, and webhook receivers often less. Very long texts are cut first. Then
the largest descriptive list is halved repeatedly: log lines (the newest stay), memory samples (the newest stay), labels
(the shortest stay), candidates. Only when little of those is left, lists of evidence are halved, down to their first
entry. Finally every text is cut to a few lines.
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
_ALL_LABELS: Final = "exit137.labels"
_SERIES: Final = "exit137.memory.series"
_DESCRIPTIVE: Final = (_LOGS, _SERIES, _LABELS, _ALL_LABELS, "exit137.oom.candidates")
# Objects that are trimmed like lists: labels, and the samples of a curve.
_AS_LISTS: Final = (_LABELS, _SERIES)

# The location of a value: the object or list that holds it, and its key or index there.
_Location: TypeAlias = tuple[Any, Any]


def fit(document: dict[str, Any], max_bytes: int = MAX_EVENT_BYTES) -> bytes:
    """
    Encode an event as JSON of at most `max_bytes`; trim the document in place if needed.

    Args:
        document: the event, as the schema describes it.
        max_bytes: at least 131,072, the size of an event after all trimming.
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
    The trimming of one event.
    """

    def __init__(self, document: dict[str, Any], max_bytes: int) -> None:
        self._document = document
        self._max_bytes = max_bytes
        self._noted: dict[tuple[str, TrimUnit], dict[str, Any]] = {}

    def excess(self) -> bool:
        """
        Return True while the event is too large.
        """
        return len(orjson.dumps(self._document)) > self._max_bytes

    def cut_texts(self, longest: int) -> None:
        """
        Cut every text to `longest` characters; the texts of a list are reported together, by the longest of them.
        """
        for path, (holder, key) in list(_texts(self._document)):
            text = holder[key]
            if len(text) > longest:
                holder[key] = text[:longest]
                self._note(path, TrimUnit.CHARACTERS, kept=longest, of=len(text))

    def halve(self, *, describing: bool, down_to: int) -> None:
        """
        Halve the largest list until the event fits, or until no list is large enough to matter.

        Args:
            describing: True for the lists that only describe, False for those that are evidence.
            down_to: the entries that every list keeps.
        """
        while self.excess():
            lists = {path: where for path, where in _lists(self._document) if (path in _DESCRIPTIVE) == describing}
            sizes = {
                path: len(orjson.dumps(holder[key]))
                for path, (holder, key) in lists.items()
                if _entries(path, holder[key]) > down_to
            }
            largest = max(sizes, key=lambda path: sizes[path], default=None)
            if largest is None or sizes[largest] <= _LITTLE_BYTES:
                return
            holder, key = lists[largest]
            before = _entries(largest, holder[key])
            kept = max(before // 2, down_to)
            holder[key] = _first(largest, holder[key], kept)
            self._note(largest, TrimUnit.ENTRIES, kept=kept, of=before)

    def _note(self, path: str, unit: TrimUnit, *, kept: int, of: int) -> None:
        """
        Record a trimmed field in the event; a field that is trimmed again keeps its original size.
        """
        known = self._noted.get((path, unit))
        most = of if known is None else max(known["of"], of)
        self._noted[path, unit] = {"field": path, "unit": unit.value, "kept": kept, "of": most}
        self._document["data"]["exit137"]["trimmed"] = list(self._noted.values())


def _entries(path: str, value: Any) -> int:  # noqa: ANN401 (a list, or one of `_AS_LISTS`)
    return len(value["seconds"] if path == _SERIES else value)


def _first(path: str, value: Any, count: int) -> Any:  # noqa: ANN401 (the same)
    """
    Return the `count` entries of a list that matter most.
    """
    if path == _SERIES:
        return {name: samples[len(samples) - count :] for name, samples in value.items()}
    if path == _LABELS:
        return dict(sorted(value.items(), key=lambda item: len(item[0]) + len(item[1]))[:count])
    if path == _ALL_LABELS:
        return sorted(value, key=len)[:count]
    return value[len(value) - count :] if path == _LOGS else value[:count]


def _lists(document: dict[str, Any]) -> Iterator[tuple[str, _Location]]:
    """
    Yield everything that can have any number of entries, by its path in `data`.
    """
    for path, (holder, key) in _fields(document["data"]):
        if path in _AS_LISTS or (isinstance(holder[key], list) and path != "exit137.trimmed"):
            yield path, (holder, key)


def _texts(document: dict[str, Any]) -> Iterator[tuple[str, _Location]]:
    """
    Yield all texts by their path in `data`; those of the envelope by their name, which `data` does not have.
    """
    yield from ((name, (document, name)) for name in ("source", "subject") if name in document)
    for path, (holder, key) in _fields(document["data"]):
        yield from _texts_in(path, holder, key)


def _texts_in(path: str, holder: Any, key: Any) -> Iterator[tuple[str, _Location]]:  # noqa: ANN401 (JSON)
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


def _fields(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, _Location]]:
    """
    Yield all fields with their paths, without the contents of lists, labels and curves.
    """
    for name, item in value.items():
        path = f"{prefix}{name}"
        if isinstance(item, dict) and path not in _AS_LISTS:
            yield from _fields(item, f"{path}.")
        else:
            yield path, (value, name)
