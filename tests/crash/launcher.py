"""
Runs the agent and kills it with SIGKILL at a named step.

    python tests/crash/launcher.py STEP COUNT ARGUMENTS…

STEP is one of `STEPS`, `OPENING`, `REWRITING` or `NOTIFYING`, or `none`. The agent dies when it reaches the step for
the COUNTth time.
"""

import functools
import importlib
import inspect
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

_STORE: Final = "collector.store.store"
# For each step: the module, the function, and whether the process dies before or after the call.
STEPS: Final[Mapping[str, tuple[str, str, bool]]] = {
    "before events are stored": (_STORE, "Store.commit", True),
    "between two rows of a transaction": ("collector.store.outbox", "add", True),
    "between positions and the end of the transaction": ("collector.store.retention", "AgeLimit.apply", True),
    "after events are stored": (_STORE, "Store.commit", False),
    "before a file is written": ("sinks.file", "FileSink.send", True),
    "after a file is written": ("sinks.file", "FileSink.send", False),
    "before a request is sent": ("sinks.webhook", "WebhookSink.send", True),
    "after a request is answered": ("sinks.webhook", "WebhookSink.send", False),
    "before records are written": ("sinks.kafka.sink", "KafkaSink.send", True),
    "after records are acknowledged": ("sinks.kafka.sink", "KafkaSink.send", False),
    "before a delivery is noted": (_STORE, "Store.note_delivered", True),
    "after a delivery is noted": (_STORE, "Store.note_delivered", False),
    "before a delivery is recorded": ("collector.store.outbox", "remove", True),
    "after a delivery is recorded": ("collector.store.outbox", "remove", False),
    "while events that may be sent are not stored": (_STORE, "Store._announce", False),
    "before a failure is recorded": (_STORE, "Store.mark_failed", True),
    "after a failure is recorded": (_STORE, "Store.mark_failed", False),
    "before old events are deleted": ("collector.store.retention", "_delete_oldest", True),
    "after old events are deleted": ("collector.store.retention", "_delete_oldest", False),
    "before the store is closed": (_STORE, "Store.aclose", True),
    "after the store is closed": (_STORE, "Store.aclose", False),
}

# Steps that happen only at the opening of a store that is damaged or has an older schema.
OPENING: Final[Mapping[str, tuple[str, str, bool]]] = {
    "before the schema is changed": ("collector.store.connection", "_migrate", True),
    "after the schema is changed": ("collector.store.connection", "_migrate", False),
    "before a table is salvaged": ("collector.store.salvage", "_copy", True),
    "after a table is salvaged": ("collector.store.salvage", "_copy", False),
    "before the successor is complete": ("collector.store.database", "complete", True),
    "after the successor is complete": ("collector.store.database", "complete", False),
    "after it is in its place": ("collector.store.database", "exchange", False),
}

# Steps that happen only when the files of the store are deleted or replaced under the running agent.
REWRITING: Final[Mapping[str, tuple[str, str, bool]]] = {
    "before the lost store is copied": ("collector.store.rewriting", "_copy", True),
    "after the lost store is copied": ("collector.store.rewriting", "_copy", False),
    "after the copy is complete": ("collector.store.rewriting", "complete", False),
    "after the place is clear": ("collector.store.rewriting", "_clear", False),
    "after the copy is in its place": ("collector.store.rewriting", "put_in_place", False),
}

# Steps that happen only with a sink of Apprise.
NOTIFYING: Final[Mapping[str, tuple[str, str, bool]]] = {
    "before a notification is sent": ("sinks.apprise.sink", "AppriseSink.send", True),
    "after a notification is sent": ("sinks.apprise.sink", "AppriseSink.send", False),
}


def arm(step: str, count: int) -> None:
    """
    Make this process die at a step.
    """
    module_name, path, before = {**STEPS, **OPENING, **REWRITING, **NOTIFYING}[step]
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
