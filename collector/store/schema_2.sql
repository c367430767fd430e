-- Version 2.

-- When a person was last told of a group of events, so that a restart does not tell it all again.
CREATE TABLE told (
    sink    TEXT NOT NULL,
    grouped TEXT NOT NULL, -- the group's name; '' is the sink as a whole
    told_s  REAL NOT NULL,
    PRIMARY KEY (sink, grouped)
) STRICT, WITHOUT ROWID;

-- What is older than the history may be, and what waits longer than a sink is waited for.
CREATE INDEX events_stored ON events (stored_ns);

-- When a dead letter was put back into the queue; its age counts from then.
ALTER TABLE outbox ADD COLUMN queued_ns INTEGER;
