-- Version 1. Times in nanoseconds since 1970 (UTC) unless the name says seconds.

-- Events. `seq` only grows, even after old events were deleted, so that a reader can continue after the last one it saw.
CREATE TABLE events (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    type         TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    key          TEXT    NOT NULL, -- events with the same key reach a sink in the order of seq
    container_id TEXT,
    time_ns      INTEGER NOT NULL, -- when it happened; when it was stored, if that is unknown
    stored_ns    INTEGER NOT NULL,
    body         BLOB    NOT NULL  -- one structured CloudEvent, UTF-8 JSON
) STRICT;

-- Pending deliveries: one row per event and sink, deleted after the delivery.
CREATE TABLE outbox (
    sink       TEXT    NOT NULL,
    seq        INTEGER NOT NULL REFERENCES events (seq),
    key        TEXT    NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    retry_at_s REAL    NOT NULL DEFAULT 0, -- 0: as soon as the sink is ready
    reason     TEXT,
    detail     TEXT,
    PRIMARY KEY (sink, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_event ON outbox (seq);
CREATE INDEX outbox_delayed ON outbox (sink, key, seq) WHERE retry_at_s > 0;

-- Events that a sink will never accept, with the reason.
CREATE TABLE dead_letters (
    sink     TEXT    NOT NULL,
    seq      INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
    attempts INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    detail   TEXT    NOT NULL,
    died_ns  INTEGER NOT NULL,
    PRIMARY KEY (sink, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX dead_letters_event ON dead_letters (seq);

-- Where each source continues after a restart: a JSON object that only the source understands.
CREATE TABLE positions (
    source   TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL
) STRICT, WITHOUT ROWID;
