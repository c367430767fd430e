"""
The labels of a container in the published event: once for search, once complete.

`container.labels` is an object, and its keys become field names in a search engine. A dot in a field name means an
object there, so that one container's label `app` and another's label `app.name` exclude each other. Keys are therefore
written without dots, as Elastic's Beats do. `exit137.labels` has all labels as they are.
"""

from collections.abc import Mapping
from typing import Final

_MAX_LABELS: Final = 64
_MAX_KEY_CHARS: Final = 256
_MAX_VALUE_CHARS: Final = 1024


def searchable_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """
    Return labels under keys that every search engine can index: at most 64, with the long ones cut.

    Dots and control characters become `_`. Where two keys become the same, the label whose key needed no change stays,
    else the one that comes first in alphabetical order. A blank key is left out.
    """
    found: dict[str, str] = {}
    for key in sorted(labels, key=lambda key: (field_name(key) != key, key)):
        found.setdefault(field_name(key), labels[key][:_MAX_VALUE_CHARS])
    in_order = dict.fromkeys(name for key in labels if not (name := field_name(key)).isspace() and name)
    return {name: found[name] for name in list(in_order)[:_MAX_LABELS]}


def field_name(key: str) -> str:
    """
    Return the name under which `container.labels` has the label with this key.
    """
    if key.isprintable():
        return key.replace(".", "_")[:_MAX_KEY_CHARS]
    return "".join("_" if char == "." or not (char.isprintable() or char == " ") else char for char in key)[
        :_MAX_KEY_CHARS
    ]


def complete_labels(labels: Mapping[str, str]) -> list[str]:
    """
    Return labels as `key=value`, whole.
    """
    return [f"{key}={value}" for key, value in labels.items()]
