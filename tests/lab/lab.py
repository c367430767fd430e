"""
Runs containers of the lab's own image on one engine, and removes them, and only them, at the end.
"""

import os
from itertools import count
from typing import Any, Final

import docker

from tests.lab.box import Box
from tests.lab.image import IMAGE

LABEL: Final = "exit137.live"
_MIB: Final = 1 << 20


class Lab:
    """
    Runs containers on one engine.

    Args:
        client: a client of the engine.
    """

    def __init__(self, client: docker.DockerClient) -> None:
        self.client = client
        self._boxes: list[Box] = []
        self._numbers = count(1)

    def create(self, *command: str, limit_mib: int | None = None, **options: Any) -> Box:  # noqa: ANN401 (Docker's own)
        """
        Create a container without starting it.

        Args:
            command: a program with its arguments, or a script for hog.
            limit_mib: memory limit in MiB, swap included.
            options: options of `docker.containers.create`; `image` for another image than the lab's.
        """
        if not command[0].startswith("/"):
            command = ("/bin/hog", *command)
        if limit_mib is not None:
            options |= {"mem_limit": limit_mib * _MIB, "memswap_limit": limit_mib * _MIB}
        labels = {LABEL: "1", **options.pop("labels", {})}
        container = self.client.containers.create(
            options.pop("image", IMAGE),
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
        Create and start a container; the arguments are those of `create`.
        """
        box = self.create(*command, limit_mib=limit_mib, **options)
        box.container.start()
        return box

    def close(self) -> None:
        """
        Remove the containers of this lab.
        """
        for box in self._boxes:
            try:
                box.container.remove(force=True)
            except docker.errors.APIError as error:  # removed already, or being removed
                if error.status_code not in (404, 409):
                    raise
        self._boxes.clear()
