"""
A hub that starts before its cluster does.
"""

from collections.abc import Callable

import pytest

from collector.store import StoreUnavailableError
from fleet.opensearch import member
from fleet.opensearch.indices import StoreForeignIndexError


class Starting:
    """
    A store whose cluster answers after some attempts.
    """

    def __init__(self, attempts: int, error: Callable[[], Exception]) -> None:
        self.attempts, self._error = attempts, error

    async def prepare(self) -> None:
        self.attempts -= 1
        if self.attempts >= 0:
            raise self._error()


async def test_the_hub_waits_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Once in the log; the service manager hears of each attempt, so that it does not end the hub.
    """
    monkeypatch.setattr(member, "_RETRY_S", 0.0)
    said: list[float] = []
    store = Starting(3, lambda: StoreUnavailableError("cluster", "away"))
    await member.prepared(store, lambda _why, seconds: said.append(seconds))  # type: ignore[arg-type]
    assert (store.attempts, len(said)) == (-1, 3)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


async def test_an_index_of_somebody_else_ends_the_hub() -> None:
    """
    Waiting would not help.
    """
    store = Starting(1, lambda: StoreForeignIndexError("i"))
    with pytest.raises(StoreForeignIndexError):
        await member.prepared(store, lambda _why, _seconds: None)  # type: ignore[arg-type]
