"""
Asks Podman for its version by a ping: for /version it starts crun, conmon and netavark, which took 8 s on a busy
emulated machine.
"""

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from parsers.engine import PODMANS_COMPONENT

if TYPE_CHECKING:
    from collector.sources.docker.transport import Engine

_OK: Final = 200
_ANSWER_BYTES: Final = 65_536


def version_of_podman(engine: "Engine") -> Mapping[str, Any] | None:
    """
    Return what Podman's /version says, from the head of its answer to a ping; None for another engine.
    """
    status, stream = engine.stream("/_ping", limit_bytes=_ANSWER_BYTES)
    version, api = stream.header("Libpod-Api-Version"), stream.header("Api-Version")
    deque(stream, maxlen=0)  # a connection can be used again once its answer has been read
    if status != _OK or version is None:
        return None
    return {"Version": version, "ApiVersion": api, "Components": [{"Name": PODMANS_COMPONENT}]}
