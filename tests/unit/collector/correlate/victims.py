"""
A victim of the OOM killer, and its row in the kernel's table.
"""

from parsers.oom.facts import OomVictim, TaskRow

HOG = OomVictim(pid=10, comm="hog", confirmed=True)


def row(pid: int, comm: str = "hog") -> TaskRow:
    return TaskRow(pid=pid, tgid=pid, uid=0, comm=comm, total_vm_pages=1, rss_pages=1, oom_score_adj=0)
