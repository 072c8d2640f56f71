-- Order -----------------------------------------------------------------------------------------

ALTER TABLE events ADD COLUMN ordering_key TEXT;

-- Where a first delivery stands in the order of its endpoint: its event's position in the log, and the
-- line that it goes in, see the domain's Strand. Both are null where there is no order. holds: 1 where
-- it failed and stops its strand.
ALTER TABLE deliveries ADD COLUMN position INTEGER;
ALTER TABLE deliveries ADD COLUMN strand INTEGER;
ALTER TABLE deliveries ADD COLUMN holds INTEGER;

-- What waits is in one of these two: found by its time, or by its turn.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (endpoint, at, id) WHERE state = 0 AND strand IS NULL;
CREATE INDEX deliveries_in_turn ON deliveries (endpoint, strand, position)
    WHERE state = 0 AND strand IS NOT NULL;
CREATE INDEX deliveries_holding ON deliveries (endpoint, strand) WHERE holds = 1;

-- Time ------------------------------------------------------------------------------------------

ALTER TABLE events ADD COLUMN deliver_at INTEGER;
ALTER TABLE events ADD COLUMN expires_at INTEGER;
ALTER TABLE deliveries ADD COLUMN expires_at INTEGER;
CREATE INDEX deliveries_expiry ON deliveries (expires_at, id)
    WHERE state = 0 AND expires_at IS NOT NULL;

-- Jobs ------------------------------------------------------------------------------------------

-- state: 0 running, 1 paused, 2 completed, 3 cancelled, 4 failed. body: the job as JSON.
CREATE TABLE jobs (
    id BLOB PRIMARY KEY,
    environment TEXT NOT NULL,
    tenant TEXT,
    state INTEGER NOT NULL,
    ended_at INTEGER,
    revision INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_tenant ON jobs (environment, tenant, id);
CREATE INDEX jobs_open ON jobs (state, id) WHERE state <= 1;
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
