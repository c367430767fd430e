"""
Incidents that are owed to sinks: one document for each, from before the incident is stored until every sink has it.

Sinks are served from the outbox of the hub that finds incidents, a file of its own. These documents are what the next
hub goes on with, if that one does not come back.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from collector.store import Store, StoredEvent
from fleet.opensearch.state import StateIndex
from fleet.opensearch.store import ClusterStore

_KIND: Final = "owed"


class Owed:
    """
    What is owed, and the outbox from which it is sent.

    Args:
        store: where incidents and these documents are.
        outbox: the hub's own store.
    """

    def __init__(self, store: ClusterStore, outbox: Store) -> None:
        self._store = store
        self._state: StateIndex = store.state
        self._outbox = outbox
        self._sinks: dict[str, tuple[str, ...]] = {}

    async def take_over(self, sinks: Sequence[str]) -> None:
        """
        Queue what the hub before has not delivered, and drop what another hub has delivered in the meantime.

        Args:
            sinks: the names of the configured sinks.

        Raises:
            StoreError: the cluster or the outbox does not take it.
        """
        notes = await self._state.all(_KIND)
        events = [_event(note.content) for note in notes]
        await self._store.commit(events, {})
        self._sinks = {event.id: event.sinks for event in events}
        for sink in sinks:
            delivered = await self._outbox.pending_ids(sink) - self._ids(sink)
            if delivered:
                await self._outbox.mark_delivered(sink, sorted(delivered))
        await self._outbox.commit(events, {})

    async def add(self, events: Sequence[StoredEvent]) -> None:
        """
        Store new incidents, and queue them.

        Raises:
            StoreError: the cluster or the outbox does not take all of it. What is there and not owed is not sent again.
        """
        known = await self._store.sources([event.id for event in events])
        new = [event for event in events if event.id not in known]
        sent = [event for event in new if event.sinks]
        if sent:
            await self._state.put(_KIND, {event.id: _content(event) for event in sent})
        await self._store.commit(new, {})
        sent += [event for event in events if event.id in known and await self._is_left(event)]
        self._sinks |= {event.id: event.sinks for event in sent}
        if sent:
            await self._outbox.commit(sent, {})

    async def settle(self) -> None:
        """
        Forget the incidents that every sink has, or has refused for good.

        Raises:
            StoreError: the cluster or the outbox does not answer.
        """
        names = sorted({sink for sinks in self._sinks.values() for sink in sinks})
        pending = {sink: await self._outbox.pending_ids(sink) for sink in names}
        done = [id_ for id_, sinks in self._sinks.items() if not any(id_ in pending[sink] for sink in sinks)]
        if done:
            await self._state.delete(_KIND, done)
            for id_ in done:
                del self._sinks[id_]

    async def _is_left(self, event: StoredEvent) -> bool:
        """
        Return whether the hub before stored this incident when this hub had already read what is owed.
        """
        return bool(event.sinks) and event.id not in self._sinks and await self._state.get(_KIND, event.id) is not None

    def _ids(self, sink: str) -> set[str]:
        return {id_ for id_, sinks in self._sinks.items() if sink in sinks}


def _content(event: StoredEvent) -> Mapping[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "subject": event.subject,
        "key": event.key,
        "time_ns": event.time_ns,
        "container_id": event.container_id,
        "body": event.body.decode(),
        "sinks": list(event.sinks),
        "group": event.group,
    }


def _event(content: Mapping[str, Any]) -> StoredEvent:
    return StoredEvent(**{**content, "body": content["body"].encode(), "sinks": tuple(content["sinks"])})
