"""
Worker pools that do not fit the limit, and builds with many jobs.
"""

import pytest

from collector.facts.memory import RunningProcess
from collector.memory.workers import build_advice, worker_advice, worker_pool

MIB = 1 << 20


def server(
    command: str, workers: int, worker_mib: int, environment: dict[str, str] | None = None
) -> list[RunningProcess]:
    arguments = tuple(command.split(" "))
    parent = RunningProcess(
        pid=1, executable="x", arguments=arguments, environment=environment or {}, rss_bytes=40 * MIB
    )
    children = [
        RunningProcess(pid=2 + n, executable="x", arguments=arguments, parent_pid=1, rss_bytes=worker_mib * MIB)
        for n in range(workers)
    ]
    return [parent, *children]


@pytest.mark.parametrize(
    ("command", "name", "configured"),
    [
        ("/usr/bin/python3 /usr/bin/gunicorn app:app --workers 8", "gunicorn", 8),
        ("/usr/bin/python3 /usr/bin/gunicorn app:app --workers=8", "gunicorn", 8),
        ("python -m uvicorn app:app --workers 4", "uvicorn", 4),
        ("php-fpm: master process (/etc/php/fpm.conf)", "php-fpm", None),
        ("gunicorn -w many", "gunicorn", None),
        ("gunicorn -w", "gunicorn", None),
    ],
)
def test_a_pool_is_found_by_its_parent(command: str, name: str, configured: int | None) -> None:
    """
    The script, the module or the title of the parent names the server; its options give the number of workers.
    """
    pool = worker_pool(server(command, 4, 150))
    assert pool is not None
    assert (pool.server, pool.running, pool.configured, pool.worker_bytes) == (name, 4, configured, 150 * MIB)


def test_the_environment_sets_the_number_of_workers() -> None:
    """
    WEB_CONCURRENCY counts if the command line does not set the number.
    """
    pool = worker_pool(server("gunicorn app:app", 2, 150, {"WEB_CONCURRENCY": "6"}))
    assert pool is not None
    assert pool.workers == 6


def test_too_many_workers() -> None:
    """
    Eight workers of 150 MiB and their parent do not fit 1 GiB; six do.
    """
    pool = worker_pool(server("gunicorn app:app --workers 8", 4, 150))
    assert pool is not None
    advice = worker_advice(pool, 1024 * MIB)
    assert advice is not None
    assert advice.value == 6
    assert advice.text == "Run at most 6 gunicorn workers, or set the limit to 1.2 GiB."
    assert worker_advice(pool, 1300 * MIB) is None


def test_children_of_other_programs_are_not_workers() -> None:
    """
    A shell and its children are not a pool.
    """
    assert worker_pool(server("sh -c make", 8, 150)) is None
    assert worker_pool([]) is None


def test_many_compilers() -> None:
    """
    Three compilers at once lead to advice; two may be one small build.
    """
    advice = build_advice(["make", "cc1plus", "cc1plus", "cc1plus", "ld", "sh"])
    assert advice is not None
    assert advice.value == 2
    assert build_advice(["rustc", "ld", "sh", "sh"]) is None
