"""
The laboratory: runs containers of the suite's own image and removes them, and only them, at the end.
"""

import os
from itertools import count
from typing import Any, Final

import docker

from tests.live.lab.box import Box
from tests.live.lab.image import IMAGE

LABEL: Final = "exit137.live"
_MIB: Final = 1 << 20


class Lab:
    """
    Runs containers on one engine.

    Args:
        client: of the engine.
    """

    def __init__(self, client: docker.DockerClient) -> None:
        self.client = client
        self._boxes: list[Box] = []
        self._numbers = count(1)

    def create(self, *command: str, limit_mib: int | None = None, **options: Any) -> Box:  # noqa: ANN401 (Docker's own)
        """
        A container that is not started yet.

        Args:
            command: a program with its arguments, or a script for hog.
            limit_mib: memory limit in MiB, swap included.
            options: as `docker.containers.create`.
        """
        if not command[0].startswith("/"):
            command = ("/bin/hog", *command)
        if limit_mib is not None:
            options |= {"mem_limit": limit_mib * _MIB, "memswap_limit": limit_mib * _MIB}
        labels = {LABEL: "1", **options.pop("labels", {})}
        container = self.client.containers.create(
            IMAGE,
            list(command),
            name=f"exit137-live-{os.getpid()}-{next(self._numbers)}",
            labels=labels,
            network_mode="none",
            tmpfs={"/run": ""},
            **options,
        )
        box = Box(container)
        self._boxes.append(box)
        return box

    def run(self, *command: str, limit_mib: int | None = None, **options: Any) -> Box:  # noqa: ANN401 (as above)
        """
        A container that is started; arguments as `create`.
        """
        box = self.create(*command, limit_mib=limit_mib, **options)
        box.container.start()
        return box

    def close(self) -> None:
        """
        Remove what this laboratory has run.
        """
        for box in self._boxes:
            try:
                box.container.remove(force=True)
            except docker.errors.APIError as error:  # gone, or on its way
                if error.status_code not in (404, 409):
                    raise
        self._boxes.clear()
