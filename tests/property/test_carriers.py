"""
A pasted report says nothing false, however it was wrapped, cut, carried or mixed with another host's.
"""

import json
import textwrap

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.recordings.pasted import events_in, events_of
from parsers.carriers.pasted import Bounds
from parsers.carriers.table import CARRIERS, Carrier
from sinks.event import Confidence, Event, EventType

ID = "fd92d65e92f9edc800266ece977e4316a31716bf6f008ba834b4a930b19b20e3"
OTHER_ID = "ab" * 32


def report(container_id: str, pid: int, name: str) -> list[str]:
    path = f"/docker/{container_id}"
    summary = f"cpuset={container_id},mems_allowed=0,oom_memcg={path},task_memcg={path},task={name},pid={pid},uid=1000"
    sizes = "total-vm:568056kB, anon-rss:107940kB, file-rss:11516kB, shmem-rss:6280kB, UID:1000 pgtables:524kB"
    return [
        f"{name} invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        f"CPU: 3 PID: {pid} Comm: {name} Not tainted 5.15.0-122-generic #132-Ubuntu",
        "memory: usage 131072kB, limit 131072kB, failcnt 812",
        f"Memory cgroup stats for {path}:",
        "Tasks state (memory values in pages):",
        "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        f"[{pid:7d}]  1000 {pid} 142014 31434 536576 0 0 {name}",
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),{summary}",
        f"Memory cgroup out of memory: Killed process {pid} ({name}) {sizes} oom_score_adj:0",
    ]


REPORT = report(ID, 79699, "php-fpm")
PREFIXES = ("", "[ 7096.161113] ", "Oct 30 10:13:57 main kernel: ", "Oct 30 10:13:57 main kernel: [ 7096.161113] ")


def kills(lines: list[str]) -> list[tuple[int, str | None]]:
    """
    Return pid and container of each kill that is certain; there is none of another process.
    """
    events = [event for event in events_of("\n".join(lines).encode()) if event.type is EventType.OOM_KILL]
    return [kill for event in events if event.exit137.confidence is Confidence.CERTAIN for kill in _kills(event)]


def _kills(event: Event) -> list[tuple[int, str | None]]:
    oom = event.exit137.oom
    container_id = event.container.id if event.container is not None else None
    return [(victim.pid, container_id) for victim in oom.victims] if oom is not None else []


def wrapped(line: str, width: int, *, at_words: bool) -> list[str]:
    if at_words:
        return textwrap.wrap(line, width, break_on_hyphens=False)
    return [line[at : at + width] for at in range(0, len(line), width)]


@settings(deadline=None)
@given(st.integers(70, 250), st.sampled_from(PREFIXES), st.booleans())
def test_a_report_wrapped_at_any_width_is_the_report(width: int, prefix: str, at_words: bool) -> None:
    """
    Wrapped text names the killed process and its container, or is not certain; it never names others.
    """
    lines = [piece for line in REPORT for piece in wrapped(prefix + line, width, at_words=at_words)]
    assert set(kills(lines)) <= {(79699, ID)}


@settings(deadline=None)
@given(st.integers(0, 9), st.integers(0, 9), st.sampled_from(PREFIXES))
def test_a_cut_report_is_certain_of_nothing_else(first: int, last: int, prefix: str) -> None:
    """
    A report without its head or its tail is certain only of what the whole report says.
    """
    cut = [prefix + line for line in REPORT[first:last]]
    assert {pid for pid, _ in kills(cut)} <= {79699}
    assert {container_id for _, container_id in kills(cut)} <= {ID, None}


@settings(deadline=None)
@given(st.sampled_from(CARRIERS), st.sampled_from(CARRIERS))
def test_any_carrier_gives_the_kill(carrier: Carrier, other: Carrier) -> None:
    """
    A text can be carried by two carriers at once without another kill in it.
    """
    rows = [carrier.sample.replace("{message}", line).replace("{json}", line) for line in REPORT]
    assert set(kills([carrier.header, *rows])) == {(79699, ID)}
    nested = [other.sample.replace("{message}", row) for row in rows if "{message}" in other.sample]
    assert set(kills(nested)) <= {(79699, ID), (79699, None)}


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=18, max_size=18))
def test_two_hosts_in_any_mix_are_kept_apart(turns: list[bool]) -> None:
    """
    The lines of two hosts in any mix give each host's kill in its own container.
    """
    one = [f"Oct 30 10:13:57 main kernel: {line}" for line in REPORT]
    two = [f"Oct 30 10:13:57 other kernel: {line}" for line in report(OTHER_ID, 4242, "java")]
    mixed = [(one if (turn and one) or not two else two).pop(0) for turn in turns if one or two]
    assert set(kills(mixed)) == {(79699, ID), (4242, OTHER_ID)}


@settings(deadline=None)
@given(st.sampled_from(CARRIERS), st.booleans(), st.integers(0, 30), st.integers(6000, 20_000), st.integers(1, 5000))
def test_where_a_text_is_cut_into_parts_does_not_matter(
    carrier: Carrier, newest_first: bool, others: int, part_bytes: int, step: int
) -> None:
    """
    A text that is read in parts of any size gives the events of the text that is read at once.
    """
    between = [f"eth{number}: link is up" for number in range(others)]
    messages = [line for number in range(6) for line in (*report(f"{number:02x}" * 32, 100 + number, "app"), *between)]
    rows = [
        carrier.sample.replace("{message}", line).replace("{json}", json.dumps(line)[1:-1])
        for line in (reversed(messages) if newest_first else messages)
    ]
    text = "\n".join([*carrier.header.splitlines(), *rows, ""]).encode()
    bounds = Bounds(small_bytes=0, part_bytes=part_bytes, block_bytes=part_bytes // 8, messages=part_bytes // 100)
    events = events_in((text[at : at + step] for at in range(0, len(text), step)), bounds)
    assert sorted(event.id for event in events) == sorted(event.id for event in events_of(text))


@given(st.integers(0, 1500), st.integers(0, 1500), st.sampled_from(PREFIXES))
@settings(deadline=None)
def test_two_hosts_that_were_cut_are_kept_apart(head: int, tail: int, prefix: str) -> None:
    """
    Two hosts in one text that is cut at any character give no kill that the whole does not have.
    """
    one = "".join(f"node1: {prefix}{line}\n" for line in REPORT)
    two = "".join(f"node2: {prefix}{line}\n" for line in report(OTHER_ID, 4242, "java"))
    text = (one + two)[head : len(one) + len(two) - tail]
    found = set(kills(text.split("\n")))
    assert found <= {(79699, ID), (79699, None), (4242, OTHER_ID), (4242, None)}
