"""
Real reports from many hosts: the parsers must read what a person read out by hand.

Kernels 2.6.32 to 6.18, both versions of cgroups, and most of the tools and files that such texts come from.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from parsers.carriers.pasted import lines
from parsers.cgroup_path import Runtime, container_of
from parsers.killers import EarlyoomKill, UnitOomKilled, parse_killer_text
from parsers.oom.facts import OomReport, OomVictim
from parsers.oom.report import ReportAssembler

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"
UNDECIDED = "-"
# Lines of user space: their values are not for the kernel's parsers.
USER_SPACE = ("56-systemd-unit-journal-oom-kill.log", "57-earlyoom-journal.log")
CONSTRAINTS = {
    "CONSTRAINT_NONE": "global",
    "CONSTRAINT_MEMCG": "memcg",
    "CONSTRAINT_CPUSET": "cpuset",
}


@dataclass(frozen=True)
class Case:
    """
    A row of the index; lists are in the order of death.
    """

    file: str
    pids: list[str]
    comms: list[str]
    containers: list[str]
    constraint: str
    anon_rss_kib: list[str]


def _listed(cell: str) -> list[str]:
    return [] if cell == UNDECIDED else cell.split(",")


def _cases() -> Iterator[Case]:
    index = CORPUS / "INDEX.tsv"
    if not index.exists():
        return
    with index.open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            yield Case(
                file=row["file"],
                pids=_listed(row["expected_killed_pid"]),
                comms=_listed(row["expected_comm"]),
                containers=_listed(row["expected_container_id"]),
                constraint=row["expected_constraint"],
                anon_rss_kib=_listed(row["anon_rss_kB"]),
            )


CASES = list(_cases())
KERNEL_CASES = [pytest.param(case, id=case.file) for case in CASES if case.file not in USER_SPACE]


def _reports(file: str) -> list[OomReport]:
    assembler = ReportAssembler()
    reports: list[OomReport] = []
    for pasted in lines((CORPUS / file).read_bytes()):
        if pasted.from_kernel:
            reports += assembler.feed(pasted.line)
    return reports + assembler.flush()


def _victims(reports: list[OomReport]) -> list[OomVictim]:
    """
    Return the victims of all reports, in the order of the text.
    """
    return [victim for report in reports for victim in report.victims]


def _constraint(report: OomReport) -> str | None:
    if report.constraint is not None:
        return CONSTRAINTS.get(report.constraint)
    if report.is_global is None:
        return None
    return "global" if report.is_global else "memcg"


def _containers(reports: list[OomReport]) -> list[str]:
    """
    Return the container of each report; the index leaves out those of LXC, which have names instead of ids.
    """
    paths = [report.task_memcg or report.victim_cgroup_hint for report in reports]
    found = [container_of(path) if path is not None else None for path in paths]
    return [ref.id if ref is not None and ref.runtime is not Runtime.LXC else UNDECIDED for ref in found]


def test_corpus_is_there() -> None:
    """
    The corpus is next to the repository; without it the tests below have no cases.
    """
    if not CASES:
        pytest.skip(f"the corpus is not there: {CORPUS}")
    assert len(CASES) == 42
    assert all((CORPUS / case.file).exists() for case in CASES)


@pytest.mark.parametrize("case", KERNEL_CASES)
def test_victims(case: Case) -> None:
    """
    The victims are those of the index, in its order, with their names and their memory.
    """
    victims = _victims(_reports(case.file))
    assert [str(victim.pid) for victim in victims] == case.pids
    comms = [victim.comm for victim in victims]
    assert case.comms in (comms, list(dict.fromkeys(comms)))
    sizes = [victim.anon_rss_bytes for victim in victims if victim.anon_rss_bytes is not None]
    assert [str(size // 1024) for size in sizes] == case.anon_rss_kib


@pytest.mark.parametrize("case", KERNEL_CASES)
def test_constraint(case: Case) -> None:
    """
    The constraint is that of the index; a text with reports of several kinds has no single answer.
    """
    constraints = {_constraint(report) for report in _reports(case.file)} - {None}
    assert (constraints.pop() if len(constraints) == 1 else UNDECIDED) == case.constraint


@pytest.mark.parametrize("case", KERNEL_CASES)
def test_container(case: Case) -> None:
    """
    The containers are those of the index, by the victim's cgroup or else by the statistics.
    """
    reports = _reports(case.file)
    of_victims = _containers([report for report in reports for _ in report.victims])
    distinct = list(dict.fromkeys(container for container in _containers(reports) if container != UNDECIDED))
    # The index has one cell per victim where some victims have no container, else the distinct containers.
    assert case.containers in (of_victims, distinct)


@pytest.mark.skipif(not CASES, reason=f"the corpus is not there: {CORPUS}")
@pytest.mark.parametrize(("file", "fact"), list(zip(USER_SPACE, (UnitOomKilled, EarlyoomKill), strict=True)))
def test_killers_in_user_space(file: str, fact: type) -> None:
    """
    Lines of systemd and earlyoom are not kernel reports, and the name in front says which program wrote them.
    """
    assert not _reports(file)
    pasted = list(lines((CORPUS / file).read_bytes()))
    assert not any(line.from_kernel for line in pasted)
    facts = [parse_killer_text(line.line.text, line.identifier) for line in pasted]
    (kill,) = [found for found in facts if found is not None]
    assert isinstance(kill, fact)
    if isinstance(kill, EarlyoomKill):
        assert (kill.pid, kill.comm) == (7378, "tail")
