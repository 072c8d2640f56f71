-- Every part's tables. A file that holds one part only keeps the others' tables empty.
-- Ids are 16 bytes in network order, times are microseconds since the Unix epoch.

-- What a part counts: the configuration's revision, the highest position that a dropped event had,
-- how far the deliveries are materialised, how far the lists below reach.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tenants by number, so that a row names its tenant in a few bytes. Rows are never removed: a
-- tenant that is gone leaves one of some fifty bytes.
CREATE TABLE scopes (
    id INTEGER PRIMARY KEY,
    environment TEXT NOT NULL,
    tenant TEXT NOT NULL,
    UNIQUE (environment, tenant)
) STRICT;

-- Configuration ---------------------------------------------------------------------------------

-- A document without a body was removed, and is kept for the feed of changes.
CREATE TABLE documents (
    kind TEXT NOT NULL,
    environment TEXT NOT NULL,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created INTEGER NOT NULL,
    removed_at INTEGER,
    body TEXT,
    PRIMARY KEY (kind, environment, tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX documents_revision ON documents (revision);
CREATE INDEX documents_environment ON documents (kind, environment, created) WHERE body IS NOT NULL;
CREATE INDEX documents_tenant ON documents (kind, environment, tenant, created) WHERE body IS NOT NULL;
CREATE INDEX documents_removed ON documents (removed_at) WHERE removed_at IS NOT NULL;

-- Log -------------------------------------------------------------------------------------------

-- The data stands last, so that what is before it is read without its overflow pages. It is empty
-- once the payload's retention is over.
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    subcategory TEXT,
    attributes TEXT,
    uid TEXT,
    content BLOB,
    targets BLOB NOT NULL,
    data BLOB NOT NULL
) STRICT;
-- Ids differ across tenants and begin with their time, so that new ones share pages.
CREATE UNIQUE INDEX events_id ON events (id);
CREATE UNIQUE INDEX events_uid ON events (scope, uid) WHERE uid IS NOT NULL;

-- A list: whose entry it is, its id, and the row's key. Filled some time after the rows, up to the
-- counter listed_events; see src/lists.rs.
CREATE TABLE events_by_tenant (
    owner INTEGER NOT NULL,
    entry BLOB NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (owner, entry)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    digest BLOB PRIMARY KEY,
    content BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- Deliveries ------------------------------------------------------------------------------------

-- state: 0 waiting, 1 delivered, 2 failed, 3 discarded; reason says why, for the last two.
-- at: when it is due, or when it ended. event: only where the id does not name it already. seq: in
-- the order in which the rows were first written, see src/lists.rs.
CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    id BLOB NOT NULL,
    event BLOB,
    endpoint BLOB NOT NULL,
    event_type TEXT NOT NULL,
    state INTEGER NOT NULL,
    reason INTEGER,
    at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    extra_attempts INTEGER NOT NULL,
    replay_of BLOB,
    created_at INTEGER NOT NULL,
    first_attempt_at INTEGER,
    last_status INTEGER,
    last_error INTEGER
) STRICT;
CREATE UNIQUE INDEX deliveries_id ON deliveries (id);
-- The rest hold exceptions only: a delivery that arrives at its first attempt is in none of them.
CREATE INDEX deliveries_due ON deliveries (endpoint, at, id) WHERE state = 0;
CREATE INDEX deliveries_waiting ON deliveries (id) WHERE state = 0;
CREATE INDEX deliveries_exception ON deliveries (scope, state, id) WHERE state <> 1;
CREATE INDEX deliveries_replay ON deliveries (event, id) WHERE event IS NOT NULL;

-- Lists like that of the events, filled up to the counter listed_deliveries.
CREATE TABLE deliveries_by_tenant (
    owner INTEGER NOT NULL,
    entry BLOB NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (owner, entry)
) STRICT, WITHOUT ROWID;
CREATE TABLE deliveries_by_endpoint (
    owner BLOB NOT NULL,
    entry BLOB NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (owner, entry)
) STRICT, WITHOUT ROWID;

-- The id holds the delivery's and the attempt's number, so a delivery's attempts are one range. The
-- rows are large, and ordered by time only, not by tenant: those of one commit share pages.
-- rest is a JSON list, see the code; the answer's body stands alone, since it may be no text.
CREATE TABLE attempts (
    id BLOB PRIMARY KEY,
    scope INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    status INTEGER,
    error INTEGER,
    rest TEXT NOT NULL,
    response_body BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE tallies (
    endpoint BLOB NOT NULL,
    minute INTEGER NOT NULL,
    succeeded INTEGER NOT NULL,
    unsuccessful INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    discarded INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    PRIMARY KEY (endpoint, minute)
) STRICT, WITHOUT ROWID;
