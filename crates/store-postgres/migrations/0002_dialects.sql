-- Retention of single payloads -------------------------------------------------------------------

-- In both: an event shows it, also when its payload is gone; a payload is found by it.
ALTER TABLE fanfare.events ADD COLUMN data_until bigint;
ALTER TABLE fanfare.payloads ADD COLUMN data_until bigint;
CREATE INDEX payloads_data_until ON fanfare.payloads (data_until) WHERE data_until IS NOT NULL;

-- Documents in the order of their ids, byte by byte whatever the database's language -----------

CREATE INDEX documents_by_id ON fanfare.documents (kind, environment, tenant, id COLLATE "C")
    WHERE body IS NOT NULL;
