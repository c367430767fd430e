"""
Keeps track of the fields of an event while they are mapped to another schema, so that no field is lost.

A field that the other schema has is taken. The rest is sent under its own path.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar

_Path: TypeAlias = tuple[str, ...]
_T = TypeVar("_T")

# No mapped field is deeper. Deeper objects are kept whole.
_DEPTH: Final = 4
_WHOLE: Final[frozenset[_Path]] = frozenset({("container", "labels")})


class Fields:
    """
    The fields of one event, by their path, such as `host.id`.

    Args:
        data: `data` of the event.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._all = dict(_leaves(data))
        self._left = dict(self._all)

    def find(self, path: str, kind: type[_T]) -> _T | None:
        """
        Return a field without taking it; None if it is missing or of another type.
        """
        value = self._all.get(_parsed(path))
        # Not isinstance: a bool is also an int.
        return value if type(value) is kind else None

    def take(self, path: str, kind: type[_T]) -> _T | None:
        """
        Take a field and return it; None if it is missing or of another type.
        """
        value = self.find(path, kind)
        if value is not None:
            self._left.pop(_parsed(path), None)
        return value

    def take_texts(self, places: Mapping[str, str]) -> dict[str, Any]:
        """
        Take the texts at these paths and return each under its new name.
        """
        return {name: value for path, name in places.items() if (value := self.take(path, str)) is not None}

    def take_list(self, path: str, kind: type[_T]) -> list[_T]:
        """
        Take a list and return its entries; take nothing if one of them is of another type.
        """
        entries = self.find(path, list)
        if not entries or not all(type(entry) is kind for entry in entries):
            return []
        return self.take(path, list) or []

    def rest(self) -> dict[str, Any]:
        """
        Return the fields that were not taken, nested as they were.
        """
        found: dict[str, Any] = {}
        for (*folders, name), value in self._left.items():
            place = found
            for folder in folders:
                place = place.setdefault(folder, {})
            place[name] = value
        return found


@cache
def _parsed(path: str) -> _Path:
    return tuple(path.split("."))


def _leaves(value: Mapping[str, Any], prefix: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    for name, item in value.items():
        path = (*prefix, name)
        if isinstance(item, dict) and item and len(path) < _DEPTH and path not in _WHOLE:
            yield from _leaves(item, path)
        else:
            yield path, item
