"""
Builds the image of the lab: busybox, hog, crash, and a file that is not executable.
"""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import docker

IMAGE: Final = "exit137-live:1"
_SOURCES: Final = (Path(__file__).with_name("hog.c"), Path(__file__).with_name("crash.c"))
_BUSYBOX: Final = Path("/bin/busybox")
_APPLETS: Final = ("sh", "kill", "sleep")


def build_image(client: docker.DockerClient) -> None:
    """
    Compile hog and crash, and import the image into the engine under the name `IMAGE`.

    As position-independent programs they are loaded at another address each time.
    """
    with tempfile.TemporaryDirectory() as directory:
        programs = [Path(directory) / source.stem for source in _SOURCES]
        for source, program in zip(_SOURCES, programs, strict=True):
            subprocess.run(["gcc", "-O1", "-static-pie", "-pthread", "-o", program, source], check=True)
        archive = _archive(programs)
    repository, tag = IMAGE.split(":")
    client.api.import_image_from_data(archive, repository=repository, tag=tag)


def _archive(programs: Iterable[Path]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for program in programs:
            archive.add(program, f"bin/{program.name}")
        archive.add(_BUSYBOX.resolve(), "bin/busybox")
        archive.addfile(tarfile.TarInfo("bin/plain-file"))
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    return buffer.getvalue()
