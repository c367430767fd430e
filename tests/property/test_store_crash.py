"""
After a power cut, the store still has everything that it acknowledged, whatever the disk had written by itself.

The state machine uses a real store on a disk that loses what was not synced. The power fails at any step of the last
call: that call then took effect as a whole or not at all, and every earlier call took effect.
"""

import asyncio
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from collector.store import Store, StoredEvent
from collector.store.thread import on_store_thread
from tests.crash.disk import Disk, Writeback

pytestmark = pytest.mark.slow

SINKS = ("audit", "bus")
NOW_S = 1_000_000.0
HUNDRED_DAYS_NS = 100 * 86_400_000_000_000
KEPT_NS = 90 * 86_400_000_000_000
APPLICATION_ID = int.from_bytes(b"e137", "big")
Result = TypeVar("Result")


@dataclass(slots=True)
class Model:
    """
    The expected contents of the store.

    Attributes:
        events: the numbers of the events, which are their ids.
        pending: the number of failed attempts of each sink and event.
        dead: the dead letters, by sink and event.
        position: the position of the only source: the number of the last event.
    """

    events: list[int] = field(default_factory=list)
    pending: dict[tuple[str, int], int] = field(default_factory=dict)
    dead: set[tuple[str, int]] = field(default_factory=set)
    position: int | None = None

    def copy(self) -> Self:
        return type(self)(list(self.events), dict(self.pending), set(self.dead), self.position)


@on_store_thread
def execute(store: Store, statement: str) -> list[Any]:
    """
    Run a statement on the store's own connection.
    """
    return store._database.connection.execute(statement).fetchall()


def event(number: int, size: int = 40) -> StoredEvent:
    return StoredEvent(
        id=str(number),
        type="exit137.oom_kill",
        subject="container/c",
        key=str(number % 3),
        time_ns=number,
        container_id=None,
        body=b'"%b"' % (b"x" * size),
        sinks=SINKS,
    )


class PowerCuts(RuleBasedStateMachine):
    """
    Append, Send, Ack, Nack, Crash with Writeback, Restart, compared with `Model`.
    """

    synchronous = "FULL"

    def __init__(self) -> None:
        super().__init__()
        self.disk = Disk()
        self.disk.__enter__()
        self.loop = asyncio.new_event_loop()
        self.home = Path(tempfile.mkdtemp(prefix="exit137-"))
        self.lives = 0
        self.before, self.now = Model(), Model()
        self.noted: set[tuple[str, int]] = set()
        self.begun = 0
        self.next = 1
        self.now_ns = int(NOW_S * 1e9)
        self.stored_ns = {0: self.now_ns}
        self.forgets = True

    def teardown(self) -> None:
        self.wait(self.store.aclose())
        self.loop.close()
        self.disk.__exit__()
        shutil.rmtree(self.home)

    @initialize(first_schema=st.booleans())
    def begin(self, first_schema: bool) -> None:
        """
        Start with an empty directory, or with a store of the first schema and one event.
        """
        self.path.parent.mkdir()
        if first_schema:
            write_first_schema(self.path)
            self.before.events, self.before.pending = [0], {("bus", 0): 0}
            self.now = self.before.copy()
        self.open()

    @rule(count=st.integers(1, 4), size=st.sampled_from([40, 600, 9000]))
    def append(self, count: int, size: int) -> None:
        """
        Commit events with their rows for two sinks, and the position that says that they were read.
        """
        numbers = range(self.next, self.next + count)
        self.next += count
        self.stored_ns |= dict.fromkeys(numbers, self.now_ns)
        with_position = {"kmsg": {"last": numbers[-1]}}
        self.call(lambda: self.store.commit([event(number, size) for number in numbers], with_position))
        self.forget()
        self.now.events += numbers
        self.now.pending |= {(sink, number): 0 for sink in SINKS for number in numbers}
        self.now.position = numbers[-1]

    @rule()
    def append_long_after(self) -> None:
        """
        Commit after the history limit: the same transaction deletes old events that are not pending.
        """
        self.now_ns += HUNDRED_DAYS_NS
        self.forgets = True
        self.append(1, 40)

    @rule(sink=st.sampled_from(SINKS), limit=st.integers(1, 5))
    def send_and_ack(self, sink: str, limit: int) -> None:
        """
        Let a sink accept the first pending events, and record that.
        """
        ids = self.send(sink, limit)
        self.call(lambda: self.store.mark_delivered(sink, [str(number) for number in ids]))
        for number in ids:
            del self.now.pending[sink, number]

    @rule(sink=st.sampled_from(SINKS), limit=st.integers(1, 5))
    def send_and_note(self, sink: str, limit: int) -> None:
        """
        Let a sink accept the first pending events, and record that with the next transaction.
        """
        ids = self.send(sink, limit)
        if self.store.backlog.pending(sink, limit) is not None:
            self.wait(self.store.note_delivered(sink, [str(number) for number in ids]))
            self.noted |= {(sink, number) for number in ids}

    @rule(sink=st.sampled_from(SINKS), limit=st.integers(1, 5))
    def send_and_nack(self, sink: str, limit: int) -> None:
        """
        Let an attempt with the first pending events fail.
        """
        ids = self.send(sink, limit)
        self.call(lambda: self.store.mark_failed(sink, [str(number) for number in ids], 0, "timeout", "no answer"))
        for number in ids:
            self.now.pending[sink, number] += 1

    @rule(sink=st.sampled_from(SINKS))
    def send_and_dead_letter(self, sink: str) -> None:
        """
        Let a sink refuse its first pending event.
        """
        for number in self.send(sink, 1):
            self.call(lambda number=number: self.store.dead_letter(sink, str(number), "rejected", "400"))
            del self.now.pending[sink, number]
            self.now.dead.add((sink, number))

    @rule()
    def checkpoint(self) -> None:
        """
        Make SQLite copy its log into the database, which it otherwise does after megabytes.
        """
        self.before, self.begun = self.now.copy(), len(self.disk.steps)
        self.wait(execute(self.store, "PRAGMA wal_checkpoint(TRUNCATE)"))

    @rule()
    def restart(self) -> None:
        """
        Stop the agent properly and start it again.
        """
        self.call(self.store.aclose)
        self.open()

    @precondition(lambda self: self.disk.steps)
    @rule(at=st.floats(0, 1), writeback=st.sampled_from(Writeback), seed=st.integers(0, 2**32))
    def crash(self, at: float, writeback: Writeback, seed: int) -> None:
        """
        Cut the power during or after the last call, and start the agent with what is left.
        """
        steps = len(self.disk.steps)
        cut = self.begun + round(at * (steps - self.begun))
        files = self.disk.left(cut, writeback, random.Random(seed))  # noqa: S311 (selects sectors)
        self.wait(self.store.aclose())
        self.lives += 1
        self.path.parent.mkdir()
        for path, content in files.items():
            (self.path.parent / Path(path).name).write_bytes(content)
        self.path.with_name("exit137.db.lock").touch()
        self.open()
        self.noted.clear()
        found = self.found()
        assert found == self.now or (cut < steps and found == self.before)
        self.before, self.now = found, found.copy()

    @property
    def path(self) -> Path:
        return self.home / str(self.lives) / "exit137.db"

    def open(self) -> None:
        self.disk.begin(self.path.parent)
        self.begun = 0
        self.forgets = True
        self.store = self.wait(Store.open(self.path, wall_ns=lambda: self.now_ns))
        assert self.store.salvaged is None
        self.wait(execute(self.store, f"PRAGMA synchronous = {self.synchronous}"))

    def forget(self) -> None:
        """
        Apply the history limit to the model: the first commit after a start, and then one per hour, deletes old events.
        """
        if not self.forgets:
            return
        self.forgets = False
        kept = {number for _, number in self.now.pending}
        kept |= {number for number, at_ns in self.stored_ns.items() if at_ns >= self.now_ns - KEPT_NS}
        self.now.events = [number for number in self.now.events if number in kept]
        self.now.dead = {(sink, number) for sink, number in self.now.dead if number in kept}

    def call(self, function: Callable[[], Awaitable[Any]]) -> None:
        """
        Make the call during which a crash may happen; it also writes the deliveries that were noted.
        """
        self.before, self.begun = self.now.copy(), len(self.disk.steps)
        self.wait(function())
        for delivery in self.noted:
            del self.now.pending[delivery]
        self.noted.clear()

    def send(self, sink: str, limit: int) -> list[int]:
        """
        Return the events that a sink receives: the first pending ones, in order.
        """
        ids = [int(pending.outgoing.id) for pending in self.wait(self.store.pending(sink, limit, NOW_S))]
        pending = self.now.pending.keys() - self.noted
        assert ids == sorted(number for name, number in pending if name == sink)[:limit]
        return ids

    def found(self) -> Model:
        """
        Return what the store contains.
        """
        model = Model([int(past.id) for past in self.wait(self.store.events())])
        for sink in SINKS:
            events = self.wait(self.store.pending(sink, 10_000, NOW_S))
            model.pending |= {(sink, int(event.outgoing.id)): event.attempts for event in events}
        dead = "SELECT d.sink, e.id FROM dead_letters AS d JOIN events AS e ON e.seq = d.seq"
        rows = self.wait(execute(self.store, dead))
        model.dead = {(sink, int(id_)) for sink, id_ in rows}
        model.position = self.wait(self.store.positions()).get("kmsg", {}).get("last")
        return model

    def wait(self, awaitable: Awaitable[Result] | Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(awaitable)


def write_first_schema(path: Path) -> None:
    """
    Create a store as the first version left it.
    """
    script = resources.files("collector.store").joinpath("schema_1.sql").read_text(encoding="utf-8")
    old = event(0)
    row = (1, old.id, old.type, old.subject, old.key, old.container_id, old.time_ns, int(NOW_S * 1e9), old.body)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(f"{script} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1;")
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute("INSERT INTO outbox (sink, seq, key) VALUES ('bus', 1, '0')")


@pytest.mark.timeout(300)
def test_a_power_cut_loses_nothing_that_was_acknowledged() -> None:
    """
    A power cut also never stores a position without its events, leaves half of a call, or damages the database.
    """
    run_state_machine_as_test(PowerCuts, settings=settings(max_examples=60, stateful_step_count=20))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_the_same_machine_finds_what_a_store_with_fewer_syncs_loses(synchronous: str) -> None:
    """
    A machine that cannot find a loss would prove nothing.
    """
    careless = type("Careless", (PowerCuts,), {"synchronous": synchronous})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            careless,
            settings=settings(max_examples=300, stateful_step_count=20, database=None, phases=[Phase.generate]),
        )
