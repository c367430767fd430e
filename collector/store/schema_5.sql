-- Version 5.

-- The machine id of the event's host. In the store of a hub it has an index (collector/store/fields.py); on a host it is
-- always the same.
ALTER TABLE event_fields ADD COLUMN host TEXT;
UPDATE event_fields SET host = (
    SELECT substr(json_extract(CAST(body AS TEXT), '$.data.host.id'), 1, 256) FROM events
    WHERE events.seq = event_fields.seq AND json_valid(CAST(body AS TEXT))
);
