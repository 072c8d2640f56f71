-- Retention of single payloads -------------------------------------------------------------------

ALTER TABLE events ADD COLUMN data_until INTEGER;
CREATE INDEX events_data_until ON events (data_until) WHERE data_until IS NOT NULL AND data <> x'';
