r"""
Take a log line out of the records of log shippers: JSON of any layout, CSV, quotes, backticks, cells of a table.

The text inside may have any other carrier around it. JSON is read object by object, so that what is before a cut is
read. Which key has the text differs between tools; the names are in `_TEXT_KEYS`.

    {"log": "[ 7096.161113] php-fpm invoked oom-killer: …\n", "time": "2024-10-30T09:13:57.161113Z"}
    "2024-10-30 10:13:57.161","1730279637161100000","[ 7096.161113] php-fpm invoked oom-killer: …"
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from parsers.carriers.journald import dmesg_json, journal_entry
from parsers.carriers.kernel_text import may_be_message
from parsers.carriers.message import Inner, PastedLine
from parsers.oom.window import concerns_oom
from parsers.untyped import int_of, text_of, time_ns_of

_TEXT_KEYS: Final = (
    "log", "textPayload", "message", "Message", "msg", "@message", "line", "Line", "body", "Body", "_raw", "raw",
    "text", "content", "stringValue", "short_message", "note", "original",
)  # fmt: skip
_TIME_KEYS: Final = (
    "time", "timestamp", "@timestamp", "ts", "tsNs", "Time", "date", "_time", "timeUnixNano", "lastTimestamp",
    "eventTime", "@t",
)  # fmt: skip
_SENDER_KEYS: Final = ("SYSLOG_IDENTIFIER", "syslog_identifier", "ident", "appname", "program", "syslog.identifier")
_HOST_KEYS: Final = ("_HOSTNAME", "hostname", "host", "node", "node_name", "nodename")
_COLUMNS: Final = frozenset(key.lower() for key in (*_TEXT_KEYS, "textPayload", "@message"))
# The first line of a CSV file has names only.
_HEADER: Final = re.compile(r'[A-Za-z@_" .-]{2,64}(?:,[A-Za-z@_" .-]{1,64}){1,32}')
_DECORATION: Final = re.compile(r"(?:data: ?|[\s>\x1e,\[\]}]|[0-9]{1,9}[.:)\t ] ?)*(?=\{)")
_ARRAY: Final = re.compile(r"(?:data: ?|[\s>\x1e,])*(?=\[\s*(?:[\[{\"]|\Z))")
# What Fluentd and Fluent Bit print before a record: a time and a tag.
_TAGGED: Final = re.compile(
    r"(?:\[[0-9]{1,9}\] [^\s:]{1,128}: \[+[0-9.]{1,24}, (?:\{\}\], )?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{8,18} [+-][0-9]{4} [^\s:]{1,128}: )(?=\{)"
)
_BETWEEN: Final = re.compile(r"[\s,]*(?:data: ?)?(?=\{)")
_KEY_AND_TEXT: Final = re.compile(
    r'"(?:' + "|".join(map(re.escape, _TEXT_KEYS)) + r')" ?(?::|=>) ?"(?P<text>(?:[^"\\]|\\.){1,8192})"?'
)
_JSON_BYTES_AT_MOST: Final = 65536
_FAILURES_AT_MOST: Final = 16
_ATTEMPTS_AT_MOST: Final = 64
_DEPTH_AT_MOST: Final = 8
_DECODER: Final = json.JSONDecoder()
_PAIR: Final = 2
_MS: Final = 10**6
_S_AT_MOST: Final = 10**11
_MS_AT_MOST: Final = 10**14
_US_AT_MOST: Final = 10**17


Found = Inner | PastedLine


@dataclass(slots=True)
class RecordReader:
    """
    Find the records of one text.

    Attributes:
        columns: the names of the columns of a CSV file, once its header was seen.
        attempts: how often a JSON object over several lines was looked for in vain.
    """

    columns: Sequence[str] = ()
    attempts: int = field(default=0)

    def read(self, lines: Sequence[str], at: int, *, nested: bool = False) -> tuple[list[Found], int]:
        """
        Return what the record at a line holds, and its number of lines; 0 lines if there is no record.

        Args:
            lines: the text.
            at: the index of the line.
            nested: the lines are the text of a record.
        """
        line = lines[at]
        if line[:1] == '"':
            inner = _in_string(line)
            if inner is not None:
                return [inner], 1
        if "{" in line or "[" in line[:80]:
            found, count = self._json(lines, at)
            if count:
                return found, count
        if (line[:1] == '"' and '","' in line) or (self.columns and not nested and line.count(",") >= _PAIR - 1):
            inner = self._row(line)
            if inner is not None:
                return [inner], 1
        elif _HEADER.fullmatch(line) is not None and self._is_header(line):
            return [], 1
        return [], 0

    def _is_header(self, line: str) -> bool:
        names = [name.strip().strip('"') for name in line.split(",")]
        if len(names) < _PAIR or not any(name.lower() in _COLUMNS for name in names):
            return False
        self.columns = names
        return True

    def _row(self, line: str) -> Inner | None:
        """
        Return the text of a row of CSV: that of the column that the header names, else the longest.
        """
        try:
            (cells,) = csv.reader([line])
        except (csv.Error, ValueError):
            return None
        if self._is_header(line) or len(cells) < _PAIR:
            return None
        if line[:1] != '"' and len(self.columns) != len(cells):
            return None
        named = dict(zip(self.columns, cells, strict=False)) if len(self.columns) == len(cells) else {}
        texts = [value for name, value in named.items() if name.lower() in _COLUMNS]
        text = texts[0] if texts else max(cells, key=len)
        at_ns, printed = _time_of(named) if named else (None, None)
        return Inner(text=text, at_ns=at_ns, pasted_time=printed)

    def _json(self, lines: Sequence[str], at: int) -> tuple[list[Found], int]:
        line = lines[at]
        tagged = _TAGGED.match(line)
        start = tagged or _DECORATION.match(line) or _ARRAY.match(line)
        if start is None:
            return [], 0
        values, _ = _objects(line, start.end())
        if values:
            return [found for value in values for found in _found(value, {}, 0)], 1
        if line.count('"') < _PAIR * 2 or not line.rstrip().endswith("}"):
            found, count = self._over_lines(lines, at, start.end())
            if count:
                return found, count
        return _cut(line) if tagged is not None or concerns_oom(line) else ([], 0)

    def _over_lines(self, lines: Sequence[str], at: int, offset: int) -> tuple[list[Found], int]:
        """
        Read objects that are printed over several lines.
        """
        if self.attempts >= _ATTEMPTS_AT_MOST:
            return [], 0
        size, end = 0, at
        while end < len(lines) and size < _JSON_BYTES_AT_MOST:
            size += len(lines[end]) + 1
            end += 1
        text = "\n".join(lines[at:end])
        values, stop = _objects(text, offset)
        if not values:
            self.attempts += 1
            return [], 0
        return [found for value in values for found in _found(value, {}, 0)], text.count("\n", 0, stop) + 1


def _in_string(line: str) -> Inner | None:
    """
    Return the text of a JSON string that has another record, or several lines, in it.
    """
    if "\\n" not in line and '{\\"' not in line:
        return None
    try:
        text = json.loads(line.rstrip().rstrip(","))
    except (ValueError, RecursionError):
        return None
    return Inner(text=text) if isinstance(text, str) else None


def _objects(text: str, at: int) -> tuple[list[Any], int]:
    """
    Return the JSON objects that follow one another, those inside of one that is cut, and where the last one ends.
    """
    values: list[Any] = []
    end = failures = 0
    while failures < _FAILURES_AT_MOST:
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            failures += 1
            at = text.find("{", at + 1)
            if at < 0:
                break
            continue
        if isinstance(value, dict | list):
            values.append(value)
            end = at
        following = _BETWEEN.match(text, at)
        if following is None:
            break
        at = following.end()
    return values, end


def _found(value: object, outer: Mapping[str, Any], depth: int) -> Iterator[Found]:
    """
    Yield the log lines in a JSON value, however deep.
    """
    if depth > _DEPTH_AT_MOST:
        return
    if isinstance(value, list):
        if len(value) >= _PAIR and isinstance(value[0], str) and isinstance(value[1], str) and value[0].isdigit():
            at_ns, printed = _moment(value[0])
            yield Inner(text=value[1], at_ns=at_ns, pasted_time=printed)
            return
        for item in value:
            if isinstance(item, str):
                yield Inner(text=item)
            else:
                yield from _found(item, outer, depth + 1)
    elif isinstance(value, dict):
        yield from _in_object(value, outer, depth)


def _in_object(fields: Mapping[str, Any], outer: Mapping[str, Any], depth: int) -> Iterator[Found]:
    if "MESSAGE" in fields or "COREDUMP_PID" in fields:
        entry = journal_entry(fields)
        if entry is not None:
            yield entry
        return
    if "msg" in fields and ("pri" in fields or "fac" in fields or isinstance(fields.get("time"), int | float)):
        yield dmesg_json(fields)
        return
    known = {**outer, **{key: item for key, item in fields.items() if not isinstance(item, dict | list)}}
    texts = [fields[key] for key in _TEXT_KEYS if isinstance(fields.get(key), str)]
    texts += [item for item in fields.values() if isinstance(item, str) and may_be_message(item)] if not texts else []
    if texts:
        at_ns, printed = _time_of(known)
        yield Inner(
            text=texts[0],
            at_ns=at_ns,
            pasted_time=printed,
            host=_first(known, _HOST_KEYS),
            identifier=_first(known, _SENDER_KEYS) or _transport(known),
        )
        return
    for item in fields.values():
        if isinstance(item, dict | list):
            yield from _found(item, known, depth + 1)


def _transport(fields: Mapping[str, Any]) -> str | None:
    """
    Return a name for the sender of a journal entry that a shipper renamed: only its transport is left.
    """
    transport = text_of(fields.get("_TRANSPORT"))
    return transport if transport not in (None, "kernel") else None


def _first(fields: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    return next((value for key in keys if isinstance(value := fields.get(key), str) and value), None)


def _time_of(fields: Mapping[str, Any]) -> tuple[int | None, str | None]:
    """
    Return the time of a record in nanoseconds since 1970, and as it is printed.
    """
    printed: str | None = None
    for key in _TIME_KEYS:
        value = fields.get(key)
        if value is None or isinstance(value, bool):
            continue
        at_ns, text = _moment(value)
        if at_ns is not None:
            return at_ns, printed or text
        printed = printed or text
    return None, printed


def _moment(value: object) -> tuple[int | None, str | None]:
    """
    Return a time that is a text, or a number of seconds, milliseconds, microseconds or nanoseconds.
    """
    if isinstance(value, str) and not value.isdigit():
        return (time_ns_of(value) if "T" in value else None), value
    number = int_of(value) if isinstance(value, int | str) else None
    if number is None or number <= 0:
        return None, None
    for at_most, factor in ((_S_AT_MOST, 10**9), (_MS_AT_MOST, _MS), (_US_AT_MOST, 1000)):
        if number < at_most:
            return int_of(number * factor), None
    return number, None


def _cut(line: str) -> tuple[list[Found], int]:
    """
    Return the text of an object that is cut, or not JSON.
    """
    match = _KEY_AND_TEXT.search(line)
    if match is None:
        return [], 0
    try:
        return [Inner(text=json.loads(f'"{match["text"]}"', strict=False))], 1
    except ValueError:
        return [], 0
