"""
Parse the lines about errors of graphics processors, memory, file systems and the network.

Most name no process: they concern the host. Sources: NVIDIA's driver; mm/memory-failure.c, mm/page_alloc.c, mm/slub.c,
drivers/edac/edac_mc.c, arch/x86/kernel/cpu/mce; fs/ext4/super.c, fs/xfs, fs/btrfs/messages.c, block/blk-core.c;
net/netfilter/nf_conntrack_core.c, net/core/dev.c.

    NVRM: Xid (PCI:0000:0a:00): 31, pid=13332, name=cuda_plot_k32_v, Ch 00000010, intr 00000000. MMU Fault: …
    Memory failure: 0x1840200: Killing cellsrv:33395 due to hardware memory corruption
    EXT4-fs (dm-17): Remounting filesystem read-only
    nf_conntrack: table full, dropping packet
"""

import re
from collections.abc import Callable
from typing import Final

from parsers.kernel.facts import Fault, KernelNotice, NoticeKind, TaskName

_DEVICE: Final = r"(?P<device>[^\s()\],:]{1,64})"
_PCI: Final = r"(?P<device>[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-9a-fA-F])?)"
# A name may have colons and blanks; `, ` and the end of the line follow.
_XID: Final = re.compile(
    rf"\ANVRM: Xid \((?:PCI:)?{_PCI}\): (?P<code>[0-9]{{1,6}})"
    r"(?:, pid='?(?P<tid>[0-9]{1,10}|<unknown>)'?)?(?:, name=(?P<comm>[^,\n]{1,64}))?"
)
_FALLEN: Final = re.compile(
    rf"\ANVRM: (?:The NVIDIA )?GPU (?:at )?(?:PCI:)?{_PCI}[\s:]*(?:GPU has |NVRM: .{{0,200}})?"
    r"(?:fallen off the bus|\Z)",
    re.DOTALL,
)
_CORRUPTED: Final = re.compile(
    r"\A(?:Memory failure: 0x[0-9a-f]{1,16}|MCE 0x[0-9a-f]{1,16}|MCE): Killing (?P<comm>.{1,15}):(?P<tid>[0-9]{1,10})"
    r" due to hardware memory corruption(?: fault at (?P<address>[0-9a-f]{1,16}))?"
)
_EDAC: Final = re.compile(
    r"\AEDAC (?:[a-z0-9_]{1,32} )?(?P<device>MC[0-9]{1,4}): (?P<count>[0-9]{1,10}) (?P<error>CE|UE) .{0,200}error"
)
_MACHINE_CHECK: Final = re.compile(r"\A(?:mce: )?\[Hardware Error\]: CPU (?P<cpu>[0-9]{1,5}): Machine Check")
_NO_PAGES: Final = re.compile(r"\A(?P<comm>.{1,15}): page allocation failure[:.] ")
_NO_SLAB: Final = re.compile(r"\ASLUB: Unable to allocate memory on ")
# The cache of a cgroup has the number and the name of the cgroup in its name, up to Linux 5.8.
_CACHE: Final = re.compile(r"\A {1,8}cache: [^\s(]{1,64}\([0-9]{1,10}:(?P<cgroup>[^)\s]{1,255})\), object size: [0-9]")
_EXT4: Final = re.compile(
    rf"\AEXT[234]-fs (?:error|warning|panic) \(device {_DEVICE}\): (?:.{{0,200}}?: comm (?P<comm>.{{1,15}}?): )?"
)
_EXT4_READ_ONLY: Final = re.compile(rf"\AEXT[234]-fs \({_DEVICE}\): Remounting filesystem read-only")
_XFS: Final = re.compile(
    rf"\AXFS \({_DEVICE}\): (?:.{{0,400}}(?:Shutting down filesystem|[Cc]orruption|metadata I/O error)"
    r"|[Ll]og I/O [Ee]rror|xfs_do_force_shutdown)"
)
_BTRFS: Final = re.compile(
    r"\ABTRFS (?:error|critical|emergency|alert|(?:info|warning)(?= \([^)]{1,80}\): forced readonly))"
    rf" \(device {_DEVICE}"
)
_IO: Final = re.compile(
    r"\A(?:blk_update_request: |print_req_error: |end_request: )?"
    r"(?:critical (?:medium|target|space allocation|nexus) )?"
    rf"(?:I/O )?error, dev {_DEVICE}, sector [0-9]"
)
_BUFFER: Final = re.compile(
    rf"\A(?:lost page write due to |Buffer )I/O error on (?:dev(?:ice)? ){_DEVICE}, logical block"
)
_CONNTRACK: Final = re.compile(
    r"\A(?:nf_conntrack|ip_conntrack): (?:nf_conntrack: |ip_conntrack: )?table full, dropping"
)
_NETDEVICE: Final = re.compile(
    rf"\Aunregister_netdevice: waiting for {_DEVICE} to become free\. Usage count = (?P<count>-?[0-9]{{1,10}})"
)


def parse_device(text: str) -> KernelNotice | None:
    """
    Parse a line about an error of a device, a file system, memory or the network.
    """
    for pattern, read in _FORMS:
        found = pattern.match(text)
        if found is not None:
            return read(found)
    return None


def _gpu(found: re.Match[str]) -> KernelNotice:
    said = found.groupdict()
    tid, comm, code = said.get("tid"), said.get("comm"), said.get("code")
    is_known = tid is not None and tid.isdecimal() and int(tid) > 0
    return KernelNotice(
        kind=NoticeKind.GPU_ERROR,
        task=TaskName(id=int(tid or ""), comm=comm) if is_known else None,
        is_process=True,
        device=found["device"].lower(),
        code=int(code) if code is not None else None,
    )


def _corrupted(found: re.Match[str]) -> KernelNotice:
    address = found["address"]
    return KernelNotice(
        kind=NoticeKind.MEMORY_ERROR,
        task=TaskName(id=int(found["tid"]), comm=found["comm"]),
        fault=Fault(address=int(address, 16)) if address is not None else None,
        fatal=True,
    )


def _edac(found: re.Match[str]) -> KernelNotice:
    return KernelNotice(
        kind=NoticeKind.MEMORY_ERROR,
        device=found["device"],
        count=int(found["count"]),
        is_harmless=found["error"] == "CE",
    )


def _machine_check(found: re.Match[str]) -> KernelNotice:
    return KernelNotice(kind=NoticeKind.MEMORY_ERROR, cpu=int(found["cpu"]))


def _memory(found: re.Match[str]) -> KernelNotice:
    said = found.groupdict()
    comm = said.get("comm")
    task = TaskName(id=None, comm=comm) if comm is not None else None
    return KernelNotice(kind=NoticeKind.MEMORY_ERROR, task=task, cgroup=said.get("cgroup"))


def _filesystem(found: re.Match[str]) -> KernelNotice:
    comm = found.groupdict().get("comm")
    task = TaskName(id=None, comm=comm) if comm is not None else None
    return KernelNotice(kind=NoticeKind.FILESYSTEM_ERROR, task=task, device=found["device"])


def _network(found: re.Match[str]) -> KernelNotice:
    said = found.groupdict()
    count = said.get("count")
    return KernelNotice(
        kind=NoticeKind.NETWORK_ERROR,
        device=said.get("device"),
        count=int(count) if count is not None else None,
    )


_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], KernelNotice]], ...]] = (
    (_XID, _gpu),
    (_FALLEN, _gpu),
    (_CORRUPTED, _corrupted),
    (_EDAC, _edac),
    (_MACHINE_CHECK, _machine_check),
    (_NO_PAGES, _memory),
    (_NO_SLAB, _memory),
    (_CACHE, _memory),
    (_EXT4, _filesystem),
    (_EXT4_READ_ONLY, _filesystem),
    (_XFS, _filesystem),
    (_BTRFS, _filesystem),
    (_IO, _filesystem),
    (_BUFFER, _filesystem),
    (_CONNTRACK, _network),
    (_NETDEVICE, _network),
)
