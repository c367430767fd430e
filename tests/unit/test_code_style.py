"""
What the project promises about its own code: sizes, words, the map of the rooms, decisions and commit subjects.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("parsers", "collector", "sinks", "fleet")
LONGEST_FILE: Final = 300
LONGEST_FUNCTION: Final = 40
SOURCES: Final = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
EVERYTHING: Final = sorted(
    {*SOURCES, *(path for name in ("tests", "bench", "scripts") for path in (ROOT / name).rglob("*.py"))}
)
# Names of the old vocabulary (docs/glossary.md has what replaced them); whole words of an identifier.
OLD_WORDS: Final = frozenset({
    "tell", "tells", "told", "untold", "teller", "telling",
    "befell", "ailment", "heartbeat", "counsel", "graver", "surely", "patient",
})  # fmt: skip
OLD_NAMES: Final = frozenset(
    """
    ContainerBook Claim Claims Claimant Witnesses Placement PlacedVictim UserKills UserSpaceKill Counted ToldKill
    Unexplained UnloggedKill OpenCases JudgedDeath LastWordsFact LastWordsAsked EngineFact Looks Alarm PressureWatch
    HostWatch Overflow PositionLedger Ledger RunningSources RunningSinks RunningHttp Heartbeat Notifier Remembered
    MomentError Insight NoInsight MemoryInsight exits_follow exits_read_ns unlogged_kill open_case case_file
    """.split()  # noqa: SIM905 (words are easier to read in lines)
)
# `state` of a table is closed; a fact or a finding that nobody handles must fail the type checker, not fall through.
CLOSED: Final = ("collector/analyzer.py", "collector/correlate", "collector/publish")


def identifiers(path: Path) -> Iterator[tuple[int, str]]:
    """
    Yield line and text of each name in a file.
    """
    with path.open("rb") as file:
        for token in tokenize.tokenize(io.BytesIO(file.read()).readline):
            if token.type == tokenize.NAME:
                yield token.start[0], token.string


def words(name: str) -> set[str]:
    """
    Split `snake_case` and `CamelCase` into lower-case words.
    """
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_too_long() -> None:
    """
    A file of the product fits into one head.
    """
    sizes = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: size for name, size in sizes.items() if size > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    """
    A function fits on one screen, without exceptions.
    """
    functions = (
        (f"{relative(path)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert {name: size for name, size in functions if size > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("path", EVERYTHING, ids=relative)
def test_no_identifier_uses_an_old_word(path: Path) -> None:
    """
    One idea has one name, the one of the glossary.
    """
    if path == Path(__file__):
        return
    found = [(line, name) for line, name in identifiers(path) if name in OLD_NAMES or words(name) & OLD_WORDS]
    assert found == []


def test_matches_over_facts_and_findings_are_closed() -> None:
    """
    `case _` may only hold an `assert_never`.
    """
    paths = [
        path for name in CLOSED for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    ]
    wildcards = [
        f"{relative(path)}:{case.pattern.lineno}"
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Match) and ast.unparse(node.subject) in ("fact", "finding")
        for case in node.cases
        if isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None
        if "assert_never" not in ast.unparse(case)
    ]
    assert wildcards == []


def test_the_map_names_each_module_of_the_collector_and_the_fleet() -> None:
    """
    docs/architecture.md is the way into the code.
    """
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    paths = [path for package in ("collector", "fleet") for path in (ROOT / package).rglob("*.py")]
    modules = {path.name for path in paths} - {"__init__.py"}
    assert sorted(name for name in modules if f"`{name}`" not in page) == []
    assert sorted(set(re.findall(r"`(\w+\.py)`", page)) - modules) == []


def test_decisions_are_numbered_without_holes() -> None:
    """
    Each has a status and a date, and stands in the index.
    """
    folder = ROOT / "docs/adr"
    pages = sorted(folder.glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    index = (folder / "README.md").read_text(encoding="utf-8")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert re.search(r"^Status: (accepted|superseded by \[)", text, re.MULTILINE), page.name
        assert re.search(r"^Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE), page.name
        assert f"({page.name})" in index


def test_each_decision_that_is_named_exists() -> None:
    """
    Comments and pages name decisions by their number.
    """
    files = [*EVERYTHING, *(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "pyproject.toml"]
    named = {number for path in files for number in re.findall(r"adr/(\d{4})", path.read_text(encoding="utf-8"))}
    assert named
    assert named <= {path.name[:4] for path in (ROOT / "docs/adr").glob("*.md")}


def test_commit_subjects_are_checked() -> None:
    """
    `scripts/check-commits` accepts the subjects of this history and refuses others.
    """
    program = ROOT / "scripts/check-commits"
    good = subprocess.run([program, "--subject", "store: drop the Ledger twin"], check=False, capture_output=True)
    bad = subprocess.run([program, "--subject", "Dropped the twin of the ledger"], check=False, capture_output=True)
    assert (good.returncode, bad.returncode) == (0, 1)
