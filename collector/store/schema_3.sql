-- Version 3.

-- Events of one group are reported to people together. NULL: the event was stored by schema version 2, or salvaged.
ALTER TABLE events ADD COLUMN grouped TEXT;
CREATE INDEX events_grouped ON events (grouped, time_ns) WHERE grouped IS NOT NULL;
