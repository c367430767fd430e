-- Version 2.

-- When people were last notified about a group of events, so that a restart does not repeat notifications.
CREATE TABLE told (
    sink    TEXT NOT NULL,
    grouped TEXT NOT NULL, -- the name of the group, or 'message <n>' for the last messages of the sink
    told_s  REAL NOT NULL,
    PRIMARY KEY (sink, grouped)
) STRICT, WITHOUT ROWID;

-- Finds events that are older than the history may be, and pending events that expire.
CREATE INDEX events_stored ON events (stored_ns);

-- When a dead letter was requeued; its age counts from then.
ALTER TABLE outbox ADD COLUMN queued_ns INTEGER;
