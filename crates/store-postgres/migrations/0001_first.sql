-- Every part's tables. Ids are uuids: 16 bytes that sort by the time in them. Times are microseconds
-- since the Unix epoch. What grows with the events is partitioned by days, by the time that its ids
-- carry, so that a look-up by id reads one partition and retention drops whole ones. The partitions
-- are made by the program, see src/partition.rs.

-- Tenants by number, so that a row names its tenant in a few bytes. Rows are never removed.
CREATE TABLE fanfare.scopes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment text NOT NULL,
    tenant text NOT NULL,
    UNIQUE (environment, tenant)
);

-- What is counted, by each node for itself, so that none waits for another's commit. Rows change
-- often and are few: there is room for many versions of one in its page.
CREATE TABLE fanfare.counters (
    name text NOT NULL,
    node bigint NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (name, node)
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- Configuration ---------------------------------------------------------------------------------

-- A document without a body was removed, and is kept for the feed of changes.
CREATE TABLE fanfare.documents (
    kind text NOT NULL,
    environment text NOT NULL,
    tenant text NOT NULL,
    id text NOT NULL,
    revision bigint NOT NULL,
    created bigint NOT NULL,
    removed_at timestamptz,
    body text,
    PRIMARY KEY (kind, environment, tenant, id)
);
CREATE UNIQUE INDEX documents_revision ON fanfare.documents (revision);
CREATE INDEX documents_environment ON fanfare.documents (kind, environment, created)
    WHERE body IS NOT NULL;
CREATE INDEX documents_tenant ON fanfare.documents (kind, environment, tenant, created)
    WHERE body IS NOT NULL;
CREATE INDEX documents_removed ON fanfare.documents (removed_at) WHERE removed_at IS NOT NULL;

-- Log -------------------------------------------------------------------------------------------

-- Gives positions. Its numbers become visible out of order; see src/log/horizon.rs.
CREATE SEQUENCE fanfare.positions;

-- node: who accepted it.
CREATE TABLE fanfare.events (
    id uuid NOT NULL,
    position bigint NOT NULL,
    scope bigint NOT NULL,
    node bigint NOT NULL,
    created_at bigint NOT NULL,
    deliver_at bigint,
    expires_at bigint,
    event_type text NOT NULL,
    uid text,
    subcategory text,
    attributes text,
    ordering_key text,
    targets bytea NOT NULL,
    PRIMARY KEY (scope, id)
) PARTITION BY RANGE (id);
CREATE INDEX events_position ON fanfare.events (position);

-- Payloads have a retention of their own, and so partitions of their own.
CREATE TABLE fanfare.payloads (
    id uuid PRIMARY KEY,
    data bytea NOT NULL
) PARTITION BY RANGE (id);
-- JSON of some kilobytes is not worth the time that it takes to compress it in every commit.
ALTER TABLE fanfare.payloads ALTER COLUMN data SET STORAGE EXTERNAL;

-- What must be unique stands in tables of its own, since a partition knows of its own rows only. A row
-- whose event is gone counts for nothing, and is taken over by the next event with that id or key.
CREATE TABLE fanfare.event_uids (
    scope bigint NOT NULL,
    uid text NOT NULL,
    event uuid NOT NULL,
    content uuid,
    PRIMARY KEY (scope, uid)
) PARTITION BY HASH (scope, uid);
CREATE INDEX event_uids_event ON fanfare.event_uids (event);

CREATE TABLE fanfare.idempotency_keys (
    digest bytea PRIMARY KEY,
    content uuid NOT NULL,
    expires_at bigint NOT NULL,
    scope bigint NOT NULL,
    event uuid NOT NULL
) PARTITION BY HASH (digest);
CREATE INDEX idempotency_keys_expiry ON fanfare.idempotency_keys (expires_at);

DO $$
BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format('CREATE TABLE fanfare.event_uids_%s PARTITION OF fanfare.event_uids
            FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
        EXECUTE format('CREATE TABLE fanfare.idempotency_keys_%s
            PARTITION OF fanfare.idempotency_keys
            FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
    END LOOP;
END $$;

-- Deliveries ------------------------------------------------------------------------------------

-- What waits, and what failed and holds its strand: few rows beside those that ended, and the only
-- ones that change. A delivery that arrives at its first attempt is never here. So no partition has to
-- be searched for what is due, and none holds something that waits when its time is over.
-- state: 0 waiting, 1 delivered, 2 failed, 3 discarded; reason says why, for the last two. at: when it
-- is due, or when it ended. event: only where the id does not name it already.
CREATE TABLE fanfare.open_deliveries (
    id uuid PRIMARY KEY,
    scope bigint NOT NULL,
    event uuid,
    endpoint uuid NOT NULL,
    replay_of uuid,
    at bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    first_attempt_at bigint,
    position bigint,
    strand bigint,
    state smallint NOT NULL,
    reason smallint,
    attempts integer NOT NULL,
    extra_attempts integer NOT NULL,
    last_status integer,
    last_error smallint,
    holds boolean NOT NULL,
    event_type text NOT NULL
) WITH (
    fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX open_deliveries_due ON fanfare.open_deliveries (endpoint, at, id)
    WHERE state = 0 AND strand IS NULL;
CREATE INDEX open_deliveries_in_turn ON fanfare.open_deliveries (endpoint, strand, position)
    WHERE state = 0 AND strand IS NOT NULL;
CREATE INDEX open_deliveries_holding ON fanfare.open_deliveries (endpoint, strand) WHERE holds;
CREATE INDEX open_deliveries_expiry ON fanfare.open_deliveries (expires_at, id)
    WHERE state = 0 AND expires_at IS NOT NULL;
CREATE INDEX open_deliveries_tenant ON fanfare.open_deliveries (scope, id);
CREATE INDEX open_deliveries_replay ON fanfare.open_deliveries (event, id) WHERE event IS NOT NULL;

-- What ended: rows that never change.
CREATE TABLE fanfare.deliveries (
    id uuid PRIMARY KEY,
    scope bigint NOT NULL,
    event uuid,
    endpoint uuid NOT NULL,
    replay_of uuid,
    at bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    first_attempt_at bigint,
    position bigint,
    strand bigint,
    state smallint NOT NULL,
    reason smallint,
    attempts integer NOT NULL,
    extra_attempts integer NOT NULL,
    last_status integer,
    last_error smallint,
    holds boolean NOT NULL,
    event_type text NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX deliveries_tenant ON fanfare.deliveries (scope, id);
CREATE INDEX deliveries_endpoint ON fanfare.deliveries (endpoint, id);
-- Exceptions only.
CREATE INDEX deliveries_exception ON fanfare.deliveries (scope, state, id) WHERE state <> 1;
CREATE INDEX deliveries_replay ON fanfare.deliveries (event, id) WHERE event IS NOT NULL;

-- The id holds the delivery's and the attempt's number, so a delivery's attempts are one range. rest
-- is a JSON list, see the app's stored::attempt; the answer's body stands alone, since it may be no
-- text.
CREATE TABLE fanfare.attempts (
    id uuid PRIMARY KEY,
    scope bigint NOT NULL,
    started_at bigint NOT NULL,
    status integer,
    error smallint,
    rest text NOT NULL,
    response_body bytea
) PARTITION BY RANGE (id);
ALTER TABLE fanfare.attempts ALTER COLUMN rest SET STORAGE EXTERNAL;
ALTER TABLE fanfare.attempts ALTER COLUMN response_body SET STORAGE EXTERNAL;

-- A row for each node, so that none waits for another's commit; who reads sums up.
CREATE TABLE fanfare.tallies (
    endpoint uuid NOT NULL,
    minute bigint NOT NULL,
    node bigint NOT NULL,
    succeeded bigint NOT NULL,
    unsuccessful bigint NOT NULL,
    delivered bigint NOT NULL,
    failed bigint NOT NULL,
    discarded bigint NOT NULL,
    duration_ms bigint NOT NULL,
    PRIMARY KEY (endpoint, minute, node)
) PARTITION BY RANGE (minute);

-- The delivery that an attempt is of, and the last attempt that a delivery can have.
CREATE FUNCTION fanfare.delivery_of(attempt uuid) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN encode(substr(uuid_send(attempt), 1, 14) || '\x0000'::bytea, 'hex')::uuid;
CREATE FUNCTION fanfare.last_attempt_of(delivery uuid) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN encode(substr(uuid_send(delivery), 1, 14) || '\xffff'::bytea, 'hex')::uuid;
-- The event whose first delivery this is.
CREATE FUNCTION fanfare.event_of(delivery uuid) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN encode(substr(uuid_send(delivery), 1, 12) || '\x00000000'::bytea, 'hex')::uuid;

-- Jobs ------------------------------------------------------------------------------------------

-- state: 0 running, 1 paused, 2 completed, 3 cancelled, 4 failed. body: the job as JSON.
CREATE TABLE fanfare.jobs (
    id uuid PRIMARY KEY,
    environment text NOT NULL,
    tenant text,
    state smallint NOT NULL,
    ended_at bigint,
    revision bigint NOT NULL,
    body text NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX jobs_tenant ON fanfare.jobs (environment, tenant, id);
CREATE INDEX jobs_open ON fanfare.jobs (state, id) WHERE state <= 1;
CREATE INDEX jobs_ended ON fanfare.jobs (ended_at) WHERE ended_at IS NOT NULL;

-- Partitions ------------------------------------------------------------------------------------

-- Before every id of a day.
CREATE FUNCTION fanfare.first_id_of(day bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (lpad(to_hex(day * 86400000), 12, '0') || repeat('0', 20))::uuid;

-- Makes the partitions of a day, counted from the Unix epoch. A table is filled into its place only
-- when it is whole, which holds nobody up that uses the others.
CREATE FUNCTION fanfare.make_partitions(day bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    part text;
    low text;
    high text;
BEGIN
    -- One node at a time: "fanfare" in ASCII, as the number of the lock.
    PERFORM pg_advisory_xact_lock(28821972929213029);
    FOREACH parent IN ARRAY ARRAY['events', 'payloads', 'deliveries', 'attempts', 'tallies'] LOOP
        part := parent || '_' || to_char(date 'epoch' + day::integer, 'YYYYMMDD');
        IF to_regclass('fanfare.' || part) IS NOT NULL THEN
            CONTINUE WHEN EXISTS (SELECT FROM pg_inherits
                WHERE inhrelid = to_regclass('fanfare.' || part));
            -- Left by a retention that was interrupted after it had taken the table out.
            EXECUTE format('DROP TABLE fanfare.%I', part);
        END IF;
        EXECUTE format('CREATE TABLE fanfare.%I (LIKE fanfare.%I INCLUDING ALL)', part, parent);
        IF parent = 'payloads' THEN
            -- Payloads of some kilobytes stay in their rows.
            EXECUTE format('ALTER TABLE fanfare.%I SET (toast_tuple_target = 8160)', part);
        ELSIF parent = 'tallies' THEN
            -- Its rows are the only ones that change: each for a minute, and within its page.
            EXECUTE format('ALTER TABLE fanfare.%I SET (fillfactor = 50)', part);
        END IF;
        IF parent = 'tallies' THEN
            low := day * 1440;
            high := (day + 1) * 1440;
        ELSE
            low := fanfare.first_id_of(day);
            high := fanfare.first_id_of(day + 1);
        END IF;
        EXECUTE format('ALTER TABLE fanfare.%I ATTACH PARTITION fanfare.%I
            FOR VALUES FROM (%L) TO (%L)', parent, part, low, high);
    END LOOP;
END $$;

-- The revision of the configuration: whoever changes that holds this row until the commit, so that
-- revisions are committed in their order.
INSERT INTO fanfare.counters (name, node, value) VALUES ('revision', 0, 0);
