-- Version 3.

-- What a person is told together with an event, through a sink whose messages people read. NULL: of version 2, or salvaged.
ALTER TABLE events ADD COLUMN grouped TEXT;
CREATE INDEX events_grouped ON events (grouped, time_ns) WHERE grouped IS NOT NULL;
