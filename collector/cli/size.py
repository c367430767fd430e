"""
`exit137 size`: the limit that a container should have, with its working.
"""

import time
from pathlib import Path
from typing import Final

import click

from collector.cli.common import config_option, configuration, fail
from collector.cli.live import SHORT_ID, Live, live, stored
from collector.config import Config
from collector.correlate.memory_facts import MemorySample
from collector.correlate.wording import shown, size
from collector.memory.cgroups import ContainerCgroup
from collector.memory.host import host_memory
from collector.memory.past import past_of
from collector.memory.processes import read_processes
from collector.memory.sentences import duration
from collector.memory.sizing import Sizing, sizing_of
from sinks.event import EventType

_TOLD: Final = tuple(kind.value for kind in EventType if kind is not EventType.AGENT)
_NS_PER_S: Final = 1_000_000_000


@click.command("size")
@click.argument("container", required=False)
@config_option
def command(container: str | None, config_path: Path | None) -> None:
    """Recommend a memory limit for CONTAINER (a name, or how an id begins), or for all that run."""
    config = configuration(config_path)
    here = live(config)
    found = here.find(container) if container is not None else list(here.tree.containers().values())
    if not found:
        fail(f"no container {container!r} runs here" if container is not None else "no container runs here")
    for number, one in enumerate(found):
        text = _of(config, here, one)
        if text is not None:
            click.echo(("\n" if number else "") + text)


def _of(config: Config, here: Live, container: ContainerCgroup) -> str | None:
    """
    What is to be said of one container; None where it has ended meanwhile.
    """
    now_ns = time.time_ns()
    sample = here.tree.sample(container, now_ns)
    if sample is None:
        return None
    container_id = container.container_id
    past = past_of(stored(config, container_id=container_id, since_ns=None, types=_TOLD))
    known_s = (now_ns - past.first_ns) / _NS_PER_S if past.first_ns is not None else 0.0
    snapshot, host = here.snapshot(container_id), host_memory()
    pids = here.tree.pids(container)
    main = snapshot.pid if snapshot is not None else None
    sizing = sizing_of(
        sample,
        seen_s=max(known_s, here.tree.age_s(container, now_ns / _NS_PER_S)),
        past=past,
        processes=read_processes(sorted(pids, key=lambda pid: (pid != main, pid))),
        snapshot=snapshot,
        host_bytes=host.total_bytes if host is not None else None,
    )
    return _text(f"{shown(here.name(container_id))} ({container_id[:SHORT_ID]})", sample, sizing)


def _text(title: str, sample: MemorySample, sizing: Sizing) -> str:
    limit = size(sample.limit_bytes) or "none"
    above = sample.limit_cgroup is not None and sample.limit_cgroup != sample.cgroup
    rows = [
        ("limit", f"{limit}, of {shown(sample.limit_cgroup)}" if above else limit),
        ("now", _parts(sample)),
        ("peak", f"{size(sizing.peak_bytes)} in {duration(sizing.seen_s)}"),
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
    told = ", ".join(f"{size(value)} {name}" for name, value in parts.items() if value)
    return f"{size(sample.working_set_bytes)} working set" + (f"; {told}" if told else "")
