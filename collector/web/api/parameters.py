"""
The parameters of a request to /v1. Each is checked; a mistake is answered with a sentence and never ignored.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from collector.explain.time_argument import TimeArgumentError, parse_time

_WAIT: Final = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,6})?)(ms|s|m)?", re.ASCII)
_WAIT_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0}
_LONGEST_WAIT_S: Final = 60.0
_LONGEST: Final = 512
_LARGEST: Final = 2**62


class ParameterError(Exception):
    """
    Raised when a parameter is unknown or cannot be used.
    """


class Parameters:
    """
    The parameters of one request.

    Args:
        given: the parameters as text.
        known: the names that the path takes.

    Raises:
        ParameterError: one is unknown, empty or too long.
    """

    def __init__(self, given: Mapping[str, str], known: Collection[str]) -> None:
        for name, value in given.items():
            if name not in known:
                raise ParameterError(f"unknown parameter {name[:_LONGEST]!r}; known are {', '.join(known)}")
            if not 0 < len(value) <= _LONGEST or "\0" in value:
                raise ParameterError(f"{name}: expected 1 to {_LONGEST} characters")
        self._given = given

    def text(self, name: str) -> str | None:
        """
        Return a text; None if it is not given.
        """
        return self._given.get(name)

    def texts(self, name: str) -> list[str] | None:
        """
        Return a list whose parts are separated by commas; None if it is not given.
        """
        value = self._given.get(name)
        return [part for part in value.split(",") if part] if value is not None else None

    def number(self, name: str, default: int | None, at_most: int = _LARGEST) -> int | None:
        """
        Return a whole number from 0 on.

        Raises:
            ParameterError: it is not a whole number, or too large.
        """
        value = self._given.get(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdecimal()) or int(value) > at_most:
            raise ParameterError(f"{name}: expected a whole number up to {at_most}")
        return int(value)

    def time_ns(self, name: str, now_ns: int) -> int | None:
        """
        Return a time; None if it is not given.

        Raises:
            ParameterError: it is neither an age nor a date.
        """
        value = self._given.get(name)
        try:
            return None if value is None else parse_time(value, now_ns)
        except TimeArgumentError as error:
            raise ParameterError(f"{name}: {error}") from error

    def wait_s(self, name: str, default: float) -> float:
        """
        Return a time to wait, in seconds.

        Raises:
            ParameterError: it is not a time, or longer than a minute.
        """
        value = self._given.get(name)
        if value is None:
            return default
        match = _WAIT.fullmatch(value)
        wait_s = float(match[1]) * _WAIT_UNITS_S[match[2] or "s"] if match is not None else None
        if wait_s is None or wait_s > _LONGEST_WAIT_S:
            raise ParameterError(f"{name}: expected a time such as 500ms or 2s, at most {_LONGEST_WAIT_S:.0f} s")
        return wait_s
