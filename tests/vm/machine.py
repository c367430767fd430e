"""
A whole Debian machine under QEMU, without KVM: with its own kernel, systemd and Docker. It boots, runs the script `run`
of a folder, and powers off. What `run` writes to `out` is copied back.

The system disk is created once per suite and never written: each run uses a temporary layer on top of it. The folder is
the second disk, /lab in the machine.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

# A mirror's copy of Debian's testing suite may be weeks old, and apt would refuse it. Signatures are still checked.
MMDEBSTRAP: Final = ("mmdebstrap", "--quiet", "--variant=minbase", "--aptopt=Acquire::Check-Valid-Until false")

# libpam-systemd: users have a systemd of their own, as on every installed Debian.
_PACKAGES: Final = (
    "systemd,systemd-sysv,libpam-systemd,dbus,udev,linux-image-cloud-amd64,initramfs-tools,docker.io,iptables,python3,"
    "python3-systemd,systemd-oomd,systemd-coredump,apparmor,busybox-static,iproute2,procps,kmod,passwd,"
    "util-linux,mount,e2fsprogs"
)
# systemd-coredump writes stacks only with libdw.
_ALSO: Final = {
    "bookworm": ",libdw1",
    "trixie": ",docker-cli,libdw1t64",
    "forky": ",docker-cli,libdw1t64",
}
# Rootless Podman needs uidmap and a session of the user; catatonit is the first container of a pod.
PODMAN: Final = "podman,crun,conmon,catatonit,uidmap,dbus-user-session,fuse-overlayfs,slirp4netns,netavark,nftables"
_MEMORY_MIB: Final = 1536
_DISK: Final = "6G"
_LAB_DISK: Final = "512M"
# Without KVM and on a busy machine a boot takes minutes; a disk that is late must not end it.
_FSTAB: Final = """\
/dev/vda / ext4 defaults 0 1
/dev/vdb /lab ext4 defaults,x-systemd.device-timeout=600 0 2
"""
_UNIT: Final = """\
[Unit]
Description=The laboratory
After=docker.service multi-user.target
Wants=docker.service
RequiresMountsFor=/lab
[Service]
Type=oneshot
ExecStart=/bin/sh /lab/run
StandardOutput=append:/lab/out/console.log
StandardError=inherit
TimeoutStartSec=infinity
"""


class Machine:
    """
    One suite of Debian as a machine.

    Args:
        suite: `bookworm`, `trixie` or `forky`.
        home: where disks are kept between runs.
        also: further packages, separated by commas.
    """

    def __init__(self, suite: str, home: Path, also: str = "") -> None:
        self._suite = suite
        self._include = f"{_PACKAGES}{_ALSO[suite]}" + (f",{also}" if also else "")
        self._home = home / suite
        self._disk = self._home / "disk.img"
        self._content = self._home / "disk.content"

    def make(self) -> None:
        """
        Create the disk if it does not exist, or if it was created with other content.
        """
        content = f"{self._include}\n{_FSTAB}{_UNIT}"
        if self._disk.exists() and self._content.exists() and self._content.read_text() == content:
            return
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir(parents=True)
        root = self._home / "root"
        _run(*MMDEBSTRAP, f"--include={self._include}", self._suite, str(root))
        self._furnish(root)
        for name in ("vmlinuz", "initrd.img"):
            shutil.copy(next((root / "boot").glob(f"{name}-*")), self._home / name)
        making = self._disk.with_suffix(".new")
        _file_system(making, _DISK, root)
        making.rename(self._disk)
        self._content.write_text(content)
        shutil.rmtree(root)

    def run(self, lab: Path, out: Path, limit_s: float, *, apparmor: bool = False) -> None:
        """
        Boot with a folder as /lab, and wait until the machine has powered off.

        Args:
            lab: has `run` and what that needs.
            out: receives what it left in /lab/out.
            limit_s: how long that may take.
            apparmor: boot with AppArmor, which makes each container slower to start.

        Raises:
            subprocess.TimeoutExpired: it took longer.
        """
        (lab / "out").mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._home) as temporary:
            disk = Path(temporary) / "lab.img"
            _file_system(disk, _LAB_DISK, lab)
            try:
                with (self._home / "console.log").open("wb") as console:
                    self._boot(disk, console.fileno(), limit_s, apparmor=apparmor)
            finally:  # what a machine has written that hangs says where
                out.mkdir(parents=True, exist_ok=True)
                _run("debugfs", "-R", f"rdump /out {out}", str(disk))

    def _boot(self, lab_disk: Path, console: int, limit_s: float, *, apparmor: bool) -> None:
        # Without KVM a second is long: some timeouts of systemd are measured for real machines, and what the kernel
        # does against the faults of real processors costs time for nothing.
        kernel = "root=/dev/vda rw console=ttyS0 quiet mitigations=off systemd.default_timeout_start_sec=300"
        # The many profiles that the package brings would take a minute to load.
        kernel += " apparmor=1 security=apparmor systemd.mask=apparmor.service" if apparmor else " apparmor=0"
        command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max", "-smp", "2"]
        command += ["-m", str(_MEMORY_MIB), "-nographic", "-nic", "none"]
        command += ["-kernel", str(self._home / "vmlinuz"), "-initrd", str(self._home / "initrd.img")]
        command += ["-append", kernel]
        command += ["-drive", f"file={self._disk},if=virtio,format=raw,cache=unsafe,snapshot=on"]
        command += ["-drive", f"file={lab_disk},if=virtio,format=raw,cache=unsafe"]
        subprocess.run(
            command, check=True, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, timeout=limit_s
        )

    def _furnish(self, root: Path) -> None:
        (root / "lab").mkdir()
        (root / "etc/hostname").write_text(f"{self._suite}\n")
        (root / "etc/fstab").write_text(_FSTAB)
        (root / "var/log/journal").mkdir(exist_ok=True)
        units = root / "etc/systemd/system"
        (units / "lab.service").write_text(_UNIT)
        (units / "graphical.target.wants").mkdir(exist_ok=True)
        (units / "graphical.target.wants/lab.service").symlink_to("../lab.service")


def _file_system(image: Path, size: str, content: Path) -> None:
    _run("truncate", "--size", size, str(image))
    _run("mkfs.ext4", "-q", "-d", str(content), str(image))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
