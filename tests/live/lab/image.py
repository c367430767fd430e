"""
The image of the laboratory: busybox, hog, and a file that cannot be run.
"""

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import docker

IMAGE: Final = "exit137-live:1"
_HOG_SOURCE: Final = Path(__file__).with_name("hog.c")
_BUSYBOX: Final = Path("/bin/busybox")
_APPLETS: Final = ("sh", "kill", "sleep")


def build_image(client: docker.DockerClient) -> None:
    """
    Compile hog and give the engine the image, under the name `IMAGE`.
    """
    with tempfile.TemporaryDirectory() as directory:
        hog = Path(directory) / "hog"
        subprocess.run(["gcc", "-O1", "-static", "-o", hog, _HOG_SOURCE], check=True)
        archive = _archive(hog)
    repository, tag = IMAGE.split(":")
    client.api.import_image_from_data(archive, repository=repository, tag=tag)


def _archive(hog: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(hog, "bin/hog")
        archive.add(_BUSYBOX.resolve(), "bin/busybox")
        archive.addfile(tarfile.TarInfo("bin/plain-file"))
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    return buffer.getvalue()
