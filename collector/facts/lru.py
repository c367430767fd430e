"""
Dictionaries with a limit, for what correlation and the sources keep of the recent past.

They stand on the floor of the facts because both may import them from there, and because they are pure.
"""

from collections import OrderedDict
from typing import TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class LruDict(OrderedDict[_Key, _Value]):
    """
    Keeps the `limit` entries that were set last; setting one more drops the oldest.

    Setting a key again makes its entry the newest. Reading an entry does not change the order.

    Args:
        limit: how many entries to keep, at least one.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def __setitem__(self, key: _Key, value: _Value) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        if len(self) > self.limit:
            self.popitem(last=False)


class LruQueues(LruDict[_Key, list[_Value]]):
    """
    Keeps the latest values of each key, for the `limit` keys that got a value last.

    Most keys have one value: a list takes 88 bytes for it, a deque 760.

    Args:
        limit: how many keys to keep, at least one.
        of_each: how many values to keep of each key.
    """

    def __init__(self, limit: int, *, of_each: int) -> None:
        super().__init__(limit)
        self.of_each = of_each

    def add(self, key: _Key, value: _Value) -> None:
        """
        Keep a value as the latest of its key.
        """
        self[key] = values = self.get(key) or []
        values.append(value)
        if len(values) > self.of_each:
            del values[0]
