"""
`exit137 size`: recommends a memory limit for a container, with the calculation.
"""

import time
from pathlib import Path
from typing import Final

import click

from collector.cli.arguments import TEXT
from collector.cli.common import config_option, configuration, fail
from collector.cli.live import SHORT_ID, LiveHost, live_host, stored
from collector.config.sections import Config
from collector.facts.memory import MemorySample
from collector.memory.advice import workload_of
from collector.memory.history import MEMORY_TYPES, memory_history_of
from collector.memory.sizing import Sizing, sizing_of
from collector.sources.memory.cgroups import ContainerCgroup, host_memory
from collector.sources.memory.processes import read_processes
from sinks.text import duration, printable, size

_NS_PER_S: Final = 1_000_000_000


@click.command("size")
@click.argument("container", required=False, type=TEXT)
@config_option
def command(container: str | None, config_path: Path | None) -> None:
    """Recommend a memory limit for CONTAINER (a name or the start of an id), or for all running containers."""
    config = configuration(config_path)
    here = live_host(config)
    found = here.find(container) if container is not None else list(here.tree.containers().values())
    if not found:
        fail(f"no running container {container!r}" if container is not None else "no running container")
    for number, one in enumerate(found):
        text = _recommendation(config, here, one)
        if text is not None:
            click.echo(("\n" if number else "") + text)


def _recommendation(config: Config, here: LiveHost, container: ContainerCgroup) -> str | None:
    """
    Return the recommendation for one container; None if it has ended meanwhile.
    """
    now_ns = time.time_ns()
    sample = here.tree.sample(container, now_ns)
    if sample is None:
        return None
    container_id = container.container_id
    past = memory_history_of(stored(config, container_id=container_id, since_ns=None, types=MEMORY_TYPES))
    known_s = (now_ns - past.first_ns) / _NS_PER_S if past.first_ns is not None else 0.0
    snapshot, host = here.snapshot(container_id), host_memory()
    pids = here.tree.pids(container)
    main = snapshot.pid if snapshot is not None else None
    sizing = sizing_of(
        sample,
        observed_s=max(known_s, here.tree.age_s(container, now_ns / _NS_PER_S)),
        history=past,
        workload=workload_of(read_processes(sorted(pids, key=lambda pid: (pid != main, pid)))),
        snapshot=snapshot,
        host_bytes=host.total_bytes if host is not None else None,
    )
    return _text(f"{printable(here.name(container_id))} ({container_id[:SHORT_ID]})", sample, sizing)


def _text(title: str, sample: MemorySample, sizing: Sizing) -> str:
    limit = size(sample.limit_bytes) or "none"
    above = sample.limit_cgroup is not None and sample.limit_cgroup != sample.cgroup
    rows = [
        ("limit", f"{limit}, of {printable(sample.limit_cgroup)}" if above else limit),
        ("now", _parts(sample)),
        ("peak", f"{size(sizing.peak_bytes)} in {duration(sizing.observed_s)}"),
        ("runtime", sizing.language.value if sizing.language is not None else "not known"),
    ]
    for advice in sizing.advice:
        rows += [("advice", advice.text), ("", advice.reason)]
        rows += [("", f"Unless {advice.unless}.")] if advice.unless is not None else []
    return "\n".join([title, *(f"  {name:<9}{text}" for name, text in rows)])


def _parts(sample: MemorySample) -> str:
    parts = {
        "anonymous": sample.anon_bytes,
        "files": sample.file_bytes,
        "shared": sample.shmem_bytes,
        "kernel": sample.kernel_bytes,
        "swap": sample.swap_bytes,
    }
    nonzero = ", ".join(f"{size(value)} {name}" for name, value in parts.items() if value)
    return f"{size(sample.working_set_bytes)} working set" + (f"; {nonzero}" if nonzero else "")
