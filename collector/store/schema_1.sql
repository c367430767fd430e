-- Version 1. Times in nanoseconds since 1970 (UTC) unless the name says seconds.

-- What happened. `seq` only grows, also after the oldest were trimmed, so a reader can go on from the last it saw.
CREATE TABLE events (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    type         TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    key          TEXT    NOT NULL, -- events with the same key reach a sink in the order of seq
    container_id TEXT,
    time_ns      INTEGER NOT NULL, -- when it happened; when it was stored, where that is not known
    stored_ns    INTEGER NOT NULL,
    body         BLOB    NOT NULL  -- one structured CloudEvent, UTF-8 JSON
) STRICT;

-- What still has to be sent: one row per event and sink, gone once it is delivered.
CREATE TABLE outbox (
    sink       TEXT    NOT NULL,
    seq        INTEGER NOT NULL REFERENCES events (seq),
    key        TEXT    NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    retry_at_s REAL    NOT NULL DEFAULT 0, -- 0: whenever the sink is ready
    reason     TEXT,
    detail     TEXT,
    PRIMARY KEY (sink, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_event ON outbox (seq);
CREATE INDEX outbox_delayed ON outbox (sink, key, seq) WHERE retry_at_s > 0;

-- What a sink will never take, put aside with the reason.
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

-- Where each source goes on after a restart: a JSON object that only the source understands.
CREATE TABLE positions (
    source   TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL
) STRICT, WITHOUT ROWID;
