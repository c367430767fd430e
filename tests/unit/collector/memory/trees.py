"""
Build cgroup file systems from plain files.
"""

from pathlib import Path

ID = "4e1d" * 16
OTHER = "9f8e" * 16
MIB = 1 << 20
UNLIMITED_V1 = 9223372036854771712


def write(directory: Path, files: dict[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(f"{text}\n")


def stat(**values: int) -> str:
    return "\n".join(f"{name} {value}" for name, value in values.items())


def v1(root: Path) -> Path:
    """
    Build a host with cgroup v1 and one container with a limit of 512 MiB.
    """
    write(root / "memory", {"memory.usage_in_bytes": "1", "memory.limit_in_bytes": str(UNLIMITED_V1)})
    write(root / "memory/docker", {"memory.limit_in_bytes": str(UNLIMITED_V1)})
    v1_container(root, ID, usage_mib=300, limit_mib=512)
    write(root / "cpu/docker" / ID, {"cpu.cfs_quota_us": "150000", "cpu.cfs_period_us": "100000"})
    write(root / "cpuacct/docker" / ID, {"cpuacct.usage": "7000000"})
    return root


def v1_container(root: Path, container_id: str, *, usage_mib: int, limit_mib: int) -> None:
    write(
        root / "memory/docker" / container_id,
        {
            "memory.usage_in_bytes": str(usage_mib * MIB),
            "memory.max_usage_in_bytes": str(400 * MIB),
            "memory.limit_in_bytes": str(limit_mib * MIB),
            "memory.kmem.usage_in_bytes": str(5 * MIB),
            "memory.stat": stat(
                total_rss=200 * MIB,
                total_cache=90 * MIB,
                total_shmem=10 * MIB,
                total_inactive_file=50 * MIB,
                total_swap=MIB,
                hierarchical_memory_limit=limit_mib * MIB,
            ),
        },
    )


def v2(root: Path) -> Path:
    """
    Build a host with cgroup v2: a container with a limit of 512 MiB in a slice of 256 MiB.
    """
    write(root, {"cgroup.controllers": "cpu memory"})
    write(root / "system.slice", {"memory.max": "max"})
    write(root / "system.slice/tight.slice", {"memory.max": str(256 * MIB)})
    write(
        root / f"system.slice/tight.slice/docker-{ID}.scope",
        {
            "memory.current": str(200 * MIB),
            "memory.peak": str(250 * MIB),
            "memory.max": str(512 * MIB),
            "memory.swap.current": str(3 * MIB),
            "memory.stat": stat(anon=120 * MIB, file=70 * MIB, shmem=10 * MIB, kernel=5 * MIB, inactive_file=40 * MIB),
            "memory.pressure": "some avg10=1.00 avg60=0.00 avg300=0.00 total=5\n"
            "full avg10=0.50 avg60=0.00 avg300=0.00 total=3",
            "cpu.stat": "usage_usec 7000",
            "cpu.max": "max 100000",
        },
    )
    return root
