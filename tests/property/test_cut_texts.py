"""
A text that was cut says less than the whole, and never something else with certainty.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.recordings.other_text import answer
from collector.recordings.pasted import events_of
from parsers.killers import parse_killer_text, parse_kubelet, parse_reaped
from parsers.killers.earlyoom import NohangLog
from parsers.oom.mentions import count_mentions
from sinks.event import Confidence, Event

ID = "4e1d" * 16
POD = "/kubepods/burstable/pod58dc1221-d430-496e-951d-e8cb23caaead"
TABLE = (
    "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name",
    "[   10]     0    10     1000      100       3        0             0 sh",
    "[   11]     0    11     5000     2000       3        0             0 hog",
)
KILL = "total-vm:20000kB, anon-rss:7508kB, file-rss:4kB"
SUMMARY = (
    f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={ID},mems_allowed=0,"
    f"oom_memcg={POD},task_memcg={POD}/{ID},task=hog,pid=11,uid=0"
)
NEW = (
    "hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
    "memory: usage 65536kB, limit 65536kB, failcnt 27",
    f"Memory cgroup stats for {POD}:",
    "anon 60000000",
    "Tasks state (memory values in pages):",
    *TABLE,
    SUMMARY,
    f"Memory cgroup out of memory: Killed process 11 (hog) {KILL}, shmem-rss:0kB, UID:0 pgtables:9kB oom_score_adj:0",
)
OLD = (
    "hog invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0",
    f"Task in /docker/{ID} killed as a result of limit of /docker/{ID}",
    "memory: usage 60000kB, limit 65536kB, failcnt 27",
    "memory+swap: usage 131072kB, limit 131072kB, failcnt 9",
    f"Memory cgroup stats for /docker/{ID}: cache:0KB rss:60000KB",
    *TABLE,
    "Memory cgroup out of memory: Kill process 11 (hog) score 990 or sacrifice child",
    f"Killed process 11 (hog) {KILL}",
)
REPORTS = ["".join(f"[  100.0000{at:02}] {text}\n" for at, text in enumerate(report)) for report in (NEW, OLD)]


def certain_statements(event: Event) -> dict[str, object]:
    """
    Return what an event says for certain about container, scope, limit and victims.
    """
    oom = event.exit137.oom
    if oom is None or event.exit137.confidence is not Confidence.CERTAIN:
        return {}
    container = event.container.id if event.container is not None else None
    said = {"container": container, "scope": oom.scope, "limit": oom.limit_bytes, "pids": [v.pid for v in oom.victims]}
    return {name: value for name, value in said.items() if value is not None}


@settings(deadline=None)
@given(st.sampled_from(REPORTS), st.integers(0, 1500), st.integers(0, 1500))
def test_cut_report_never_contradicts_the_whole(report: str, head: int, tail: int) -> None:
    """
    Whatever is cut from both ends: no kill that was not there, no certain statement that differs.
    """
    (whole,) = events_of(report.encode())
    expected = certain_statements(whole)
    events = events_of(report[head : max(head, len(report) - tail)].encode())
    kills = [event for event in events if event.exit137.oom is not None]
    assert len(kills) <= 1
    for event in kills:
        said = certain_statements(event)
        assert said == {name: value for name, value in expected.items() if name in said}


@given(st.text(max_size=200) | st.sampled_from([*NEW, *OLD]), st.none() | st.sampled_from(["earlyoom", "nohang", "x"]))
def test_any_line_can_be_read(text: str, identifier: str | None) -> None:
    """
    The parsers of other killers and of other text give facts or nothing for any line.
    """
    parse_killer_text(text, identifier)
    parse_kubelet(text)
    parse_reaped(text)
    NohangLog().feed(text, None)
    answer(text)
    assert count_mentions([text])[0] in (0, 1)
