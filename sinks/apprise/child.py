"""
Loads a service of Apprise and sends one message, in a process of its own; it shares no module with the agent.

    python -IB child.py PATH…  < request  > answer

The paths are where modules are looked for. Request and answer are JSON: see sinks/apprise/process.py. A service may
hang, read an endless response or log its URL. So this process ends by itself after its time, has little memory, and
everything that it prints is dropped. The agent never imports this module.
"""

import contextlib
import json
import logging
import os
import re
import resource
import signal
import sys
from typing import Any, Final

# Apprise and all its services take 38 MB.
_LIMIT_BYTES: Final = 100_663_296
# How most services log the HTTP status of a refusal. Nothing else from the log leaves this process.
_STATUS: Final = re.compile(r"\berror=([1-5][0-9]{2})\b")


class _StatusWatch(logging.Handler):
    """
    Remembers the last HTTP status that was logged.
    """

    status: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if (found := _STATUS.search(record.getMessage())) is not None:
            self.status = int(found[1])


def main() -> None:
    """
    Answer one request.
    """
    sys.path[:] = sys.argv[1:]
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answer:
        # What a service prints must not become part of the answer.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        request = json.load(sys.stdin)
        _limit(request["alive_s"])
        if request["proxy"] is not None:
            os.environ |= dict.fromkeys(("http_proxy", "https_proxy"), request["proxy"])
        json.dump(_answer(request), answer)


def _limit(alive_s: int) -> None:
    """
    End this process after a time, bound its memory, and have the kernel choose it before the agent.
    """
    signal.alarm(alive_s)
    for kind, limit in ((resource.RLIMIT_DATA, _LIMIT_BYTES), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        lower = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (lower, lower))
    # In some containers /proc is read-only.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("1000")


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    service = _service(request["url"])
    if service is None:
        return {"problem": "Apprise cannot use the URL: its scheme is unknown, or a part of it is missing or not valid"}
    if len(service) > 1:
        return {"problem": f"the URL names {len(service)} targets: each needs a sink of its own"}
    if request["message"] is None:
        return _described(service)
    return _sent(service, **request["message"])


def _service(url: str) -> Any:  # noqa: ANN401 (any class of Apprise)
    """
    Return the service that a URL names; None if it names none.
    """
    from apprise import Apprise, AppriseAsset, OverflowMode  # noqa: PLC0415 (found by the paths, within the limits)

    # No pictures: readers' clients would load them from third-party servers.
    asset = AppriseAsset(
        app_id="exit137",
        app_desc="exit137",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        storage_mode="memory",
    )
    service = Apprise.instantiate(url, asset=asset)
    if service is not None:
        # No redirects; a long message is cut instead of split; exit137 retries, not Apprise.
        service.redirects = False
        service.overflow_mode = OverflowMode.TRUNCATE
        service.retry = 0
    return service


def _described(service: Any) -> dict[str, Any]:  # noqa: ANN401 (any class of Apprise)
    """
    Return what a service accepts.
    """
    return {
        "limits": {
            "markup": service.resolve_format().value,
            "title_chars": service.title_maxlen,
            "body_chars": service.body_maxlen,
        }
    }


def _sent(service: Any, title: str, body: str, markup: str, kind: str) -> dict[str, Any]:  # noqa: ANN401
    """
    Send a message; return whether it was delivered, and the HTTP status of a refusal where one is known.
    """
    watch = _StatusWatch()
    logging.getLogger("apprise").addHandler(watch)
    delivered = service.notify(title=title, body=body, body_format=markup, notify_type=kind)
    return {"delivered": bool(delivered), "status": watch.status}


if __name__ == "__main__":
    main()
