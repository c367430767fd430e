-- Version 4.

-- By what people look for events: small rows, because reading bodies only to compare them takes far too long. Each index
-- costs every commit a page; image and type, whose values are few, have none.
CREATE TABLE event_fields (
    seq            INTEGER PRIMARY KEY REFERENCES events (seq) ON DELETE CASCADE,
    time_ns        INTEGER NOT NULL, -- as in events
    type           TEXT    NOT NULL,
    cause          TEXT,
    container_id   TEXT,
    container_name TEXT,
    service        TEXT,
    image          TEXT,
    message        TEXT
) STRICT;

CREATE INDEX event_fields_cause ON event_fields (cause) WHERE cause IS NOT NULL;
CREATE INDEX event_fields_container_id ON event_fields (container_id) WHERE container_id IS NOT NULL;
CREATE INDEX event_fields_container_name ON event_fields (container_name) WHERE container_name IS NOT NULL;
CREATE INDEX event_fields_service ON event_fields (service) WHERE service IS NOT NULL;

-- How many events of a kind happened on a day (since 1970, UTC). An empty text stands for an unknown value.
CREATE TABLE event_counts (
    day     INTEGER NOT NULL,
    type    TEXT    NOT NULL,
    cause   TEXT    NOT NULL,
    service TEXT    NOT NULL,
    events  INTEGER NOT NULL,
    PRIMARY KEY (day, type, cause, service)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER event_fields_added AFTER INSERT ON event_fields BEGIN
    INSERT INTO event_counts (day, type, cause, service, events)
    VALUES (new.time_ns / 86400000000000, new.type, ifnull(new.cause, ''), ifnull(new.service, ''), 1)
    ON CONFLICT (day, type, cause, service) DO UPDATE SET events = events + 1;
END;

CREATE TRIGGER event_fields_deleted AFTER DELETE ON event_fields BEGIN
    UPDATE event_counts SET events = events - 1
    WHERE day = old.time_ns / 86400000000000 AND type = old.type
      AND cause = ifnull(old.cause, '') AND service = ifnull(old.service, '');
    DELETE FROM event_counts
    WHERE day = old.time_ns / 86400000000000 AND type = old.type
      AND cause = ifnull(old.cause, '') AND service = ifnull(old.service, '') AND events <= 0;
END;
