"""
The report of a JVM that its log does not name.
"""

import os
from pathlib import Path

import pytest

from collector.pipeline.module_files import frames_of_report
from parsers.docker_inspect import ContainerSnapshot

SECOND = 1_000_000_000
RUN_NS = 10 * SECOND, 20 * SECOND


def frames(layer: Path, span_ns: tuple[int, int] | None = RUN_NS) -> tuple[str, ...]:
    """
    Return the calls in the report of a container that works in /srv.
    """
    snapshot = ContainerSnapshot(id="a", labels={}, layers=(str(layer),), working_dir="/srv")
    return frames_of_report(snapshot, None, span_ns)


def write(layer: Path, name: str, written_s: int, function: str = "crash") -> None:
    """
    Write a report.
    """
    report = layer / "srv" / name
    report.parent.mkdir(exist_ok=True)
    report.write_text(f"Native frames: (C=native code)\nC  [libfoo.so+0x5a3]  {function}+0x13\n\n")
    os.utime(report, ns=(written_s * SECOND, written_s * SECOND))


@pytest.mark.parametrize(
    ("written_s", "name", "is_found"),
    [
        (15, "hs_err_pid1.log", True),
        (5, "hs_err_pid1.log", False),
        (25, "hs_err_pid1.log", False),
        (15, "hs_err_pid1.log.old", False),
    ],
)
def test_a_report_of_this_run(written_s: int, name: str, is_found: bool, tmp_path: Path) -> None:
    """
    It is in the working directory, and was written in this run.
    """
    write(tmp_path, name, written_s)
    assert bool(frames(tmp_path)) == is_found


def test_the_latest_of_several(tmp_path: Path) -> None:
    """
    A JVM that a program had started before may have left one as well.
    """
    write(tmp_path, "hs_err_pid9.log", 12, "earlier")
    write(tmp_path, "hs_err_pid1.log", 15, "later")
    assert "later" in frames(tmp_path)[0]


def test_a_run_whose_times_are_not_known(tmp_path: Path) -> None:
    """
    Then nothing shows that a report is of this run.
    """
    write(tmp_path, "hs_err_pid1.log", 15)
    assert frames(tmp_path, None) == ()


def test_a_link_in_its_place(tmp_path: Path) -> None:
    """
    A link to a file outside the container is not followed.
    """
    write(tmp_path, "hs_err_pid1.log", 15)
    report = tmp_path / "srv/hs_err_pid1.log"
    report.rename(tmp_path.parent / "outside.log")
    report.symlink_to(tmp_path.parent / "outside.log")
    assert frames(tmp_path) == ()
