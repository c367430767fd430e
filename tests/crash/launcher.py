"""
Runs the agent, and kills it with SIGKILL at a named step.

    python tests/crash/launcher.py STEP COUNT ARGUMENTS…

STEP is one of `STEPS`, or `none`; the agent dies when it comes there for the COUNTth time.
"""

import functools
import importlib
import inspect
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

# Where, and whether before or after it was done.
STEPS: Final[Mapping[str, tuple[str, str, bool]]] = {
    "before events are stored": ("collector.store.store", "Store.commit", True),
    "between two rows of a transaction": ("collector.store.outbox", "add", True),
    "after events are stored": ("collector.store.store", "Store.commit", False),
    "before a file is written": ("sinks.file", "FileSink.send", True),
    "after a file is written": ("sinks.file", "FileSink.send", False),
    "before a request is sent": ("sinks.webhook", "WebhookSink.send", True),
    "after a request is answered": ("sinks.webhook", "WebhookSink.send", False),
    "before records are written": ("sinks.kafka.sink", "KafkaSink.send", True),
    "after records are acknowledged": ("sinks.kafka.sink", "KafkaSink.send", False),
    "before a delivery is noted": ("collector.store.store", "Store.delivered", True),
    "after a delivery is noted": ("collector.store.store", "Store.delivered", False),
}


def arm(step: str, count: int) -> None:
    """
    Have this process die at a step.
    """
    module_name, path, before = STEPS[step]
    owner: Any = importlib.import_module(module_name)
    *classes, name = path.split(".")
    for part in classes:
        owner = getattr(owner, part)
    setattr(owner, name, _deadly(getattr(owner, name), count, before=before))


def _deadly(function: Callable[..., Any], count: int, *, before: bool) -> Callable[..., Any]:
    left = [count]

    def come(*, is_before: bool) -> None:
        left[0] -= is_before == before
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (whatever it wraps)
        come(is_before=True)
        result = function(*args, **kwargs)
        come(is_before=False)
        return result

    @functools.wraps(function)
    async def waiting(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (whatever it wraps)
        come(is_before=True)
        result = await function(*args, **kwargs)
        come(is_before=False)
        return result

    return waiting if inspect.iscoroutinefunction(function) else plain


if __name__ == "__main__":
    if sys.argv[1] != "none":
        arm(sys.argv[1], int(sys.argv[2]))
    sys.argv = ["exit137", *sys.argv[3:]]
    from collector.cli import main

    main()
