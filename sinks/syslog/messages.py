"""
From an event to a syslog message (RFC 5424) whose text is JSON, CEF or LEEF; pure.

CEF: ArcSight Common Event Format, version 0. LEEF: Log Event Extended Format, version 2.0, with tabs between fields.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, assert_never

import orjson

from sinks.base import Outgoing
from sinks.event.reader import time_ns
from sinks.syslog.brief import at, brief
from sinks.syslog.config import Facility, Format

_APP: Final = "exit137"
_NIL: Final = "-"
# event.severity of the event by syslog's severity, and on the scale of CEF and LEEF (0 to 10).
_SYSLOG: Final = {1: 7, 2: 6, 3: 5, 4: 4, 5: 3, 6: 2}
_TO_TEN: Final = {1: 1, 2: 2, 3: 3, 4: 5, 5: 7, 6: 9}
_INFO: Final = 2
_LONGEST_HOST: Final = 255
_LONGEST_VALUE: Final = 1023
_NO_PRINT: Final = re.compile(r"[^!-~]")
_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
# The fields of CEF that fit, by their path in the event.
_CEF: Final[Mapping[str, str]] = {
    "dvchost": "host.hostname",
    "deviceExternalId": "host.id",
    "act": "event.action",
    "reason": "event.reason",
    "dproc": "process.name",
    "dpid": "process.pid",
    "sproc": "exit137.death.killer.name",
    "spid": "exit137.death.killer.pid",
    "suid": "exit137.death.killer.uid",
    "msg": "message",
}
# CEF has six texts and three numbers for what it has no name for.
_CEF_LABELLED: Final[Mapping[str, tuple[str, str]]] = {
    "cs1": ("containerName", "container.name"),
    "cs2": ("containerImage", "container.image.name"),
    "cs3": ("containerId", "container.id"),
    "cs4": ("service", "service.name"),
    "cs5": ("confidence", "exit137.confidence"),
    "cs6": ("cause", "exit137.cause"),
    "cn1": ("exitCode", "exit137.death.exit_code"),
    "cn2": ("limitBytes", "exit137.oom.limit_bytes"),
    "cn3": ("peakBytes", "exit137.memory.peak_bytes"),
}
_LEEF: Final[Mapping[str, str]] = {
    "identHostName": "host.hostname",
    "hostId": "host.id",
    "action": "event.action",
    "reason": "event.reason",
    "containerName": "container.name",
    "containerImage": "container.image.name",
    "containerId": "container.id",
    "service": "service.name",
    "serviceVersion": "service.version",
    "confidence": "exit137.confidence",
    "cause": "exit137.cause",
    "exitCode": "exit137.death.exit_code",
    "processName": "process.name",
    "pid": "process.pid",
    "killerName": "exit137.death.killer.name",
    "killerPid": "exit137.death.killer.pid",
    "oomScope": "exit137.oom.scope",
    "limitBytes": "exit137.oom.limit_bytes",
    "peakBytes": "exit137.memory.peak_bytes",
    "msg": "message",
}


def message_of(event: Outgoing, form: Format, facility: Facility, version: str, max_bytes: int) -> bytes:
    """
    Return a syslog message, without framing.

    Args:
        event: the event.
        form: the form of its text.
        facility: the facility of all messages.
        version: of this program, for CEF and LEEF.
        max_bytes: of the message, 2,048 or more; an event that is larger is trimmed.
    """
    document: dict[str, Any] = orjson.loads(event.body)
    data = document.get("data", {})
    severity = at(data, "event.severity") or _INFO
    priority = facility * 8 + _SYSLOG.get(severity, 6)
    stamp = at(data, "@timestamp") or _NIL
    host = _NO_PRINT.sub("_", str(at(data, "host.hostname") or _NIL))[:_LONGEST_HOST]
    head = f"<{priority}>1 {stamp} {host} {_APP} {_NIL} {event.type[:32]} {_NIL} ".encode()
    match form:
        case Format.JSON:
            return head + brief(document, max_bytes - len(head))
        case Format.CEF:
            text = _cef(event, data, _TO_TEN.get(severity, 2), version)
        case Format.LEEF:
            text = _leef(event, data, _TO_TEN.get(severity, 2), version)
        case _:
            assert_never(form)
    return (head + text.encode())[:max_bytes].decode(errors="ignore").encode()


def _cef(event: Outgoing, data: Mapping[str, Any], severity: int, version: str) -> str:
    name = str(at(data, "event.action") or event.type)
    head = "|".join(_cef_head(text) for text in ("CEF:0", _APP, _APP, version, event.type, name))
    fields: dict[str, Any] = {"rt": _milliseconds(data), "externalId": event.id, "cat": at(data, "event.kind")}
    for key, (label, path) in _CEF_LABELLED.items():
        if at(data, path) is not None:
            fields |= {f"{key}Label": label, key: at(data, path)}
    # The message comes last, so that it is what a limit cuts.
    fields |= {key: at(data, path) for key, path in _CEF.items()}
    extension = " ".join(f"{key}={_cef_value(value)}" for key, value in fields.items() if value is not None)
    return f"{head}|{severity}|{extension}"


def _leef(event: Outgoing, data: Mapping[str, Any], severity: int, version: str) -> str:
    head = f"LEEF:2.0|{_APP}|{_APP}|{version}|{event.type}|x09"
    fields = {"devTime": _milliseconds(data), "sev": severity, "cat": at(data, "event.kind"), "eventId": event.id}
    fields |= {key: at(data, path) for key, path in _LEEF.items()}
    return f"{head}|" + "\t".join(f"{key}={_one_line(value)}" for key, value in fields.items() if value is not None)


def _cef_head(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _cef_value(value: object) -> str:
    return _one_line(value).replace("\\", "\\\\").replace("=", "\\=")


def _one_line(value: object) -> str:
    """
    Return a value on one line, without tabs, at most as long as CEF allows.
    """
    return _BREAKS.sub(" ", str(value))[:_LONGEST_VALUE]


def _milliseconds(data: Mapping[str, Any]) -> int | None:
    at_ns = time_ns(at(data, "@timestamp"))
    return None if at_ns is None else at_ns // 1_000_000
