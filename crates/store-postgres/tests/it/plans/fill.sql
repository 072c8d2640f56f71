-- Five days of events at two endpoints each, what became of their deliveries, and what waits. The
-- placeholders are the day of today, counted from the Unix epoch, the node that accepted them, how many
-- there are, and what of an attempt is only read with the whole of it.
SELECT fanfare.make_partitions(day) FROM generate_series($DAY - 4, $DAY + 1) AS day;

INSERT INTO fanfare.scopes (environment, tenant)
SELECT 'default', 'tenant-' || n FROM generate_series(1, 200) AS n;

CREATE FUNCTION fanfare.id_of(millis bigint, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN (lpad(to_hex(millis), 12, '0') || lpad(to_hex(n), 12, '0') || '00000000')::uuid;
CREATE FUNCTION fanfare.endpoint(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN fanfare.id_of(1700000000000, n);
CREATE FUNCTION fanfare.attempt_of(delivery uuid, n integer) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN encode(substr(uuid_send(delivery), 1, 14) || substr(int4send(n), 3, 2), 'hex')::uuid;

-- Half of them are of the first tenant. One in 50,000 is of a rare type.
CREATE TABLE fanfare.made AS
SELECT n, fanfare.id_of(millis, n) AS id, millis * 1000 AS created_at,
    (SELECT min(id) FROM fanfare.scopes)
        + CASE WHEN n % 2 = 0 THEN 0 ELSE n % 199 + 1 END AS scope,
    CASE WHEN n % 50000 = 0 THEN 'invoice.rare' ELSE 'invoice.paid' END AS event_type
FROM (SELECT n, ($DAY - 4) * 86400000::bigint + n * (5 * 86400000::bigint / $EVENTS) AS millis
    FROM generate_series(0::bigint, $EVENTS - 1) AS n) AS times;

INSERT INTO fanfare.events (id, position, scope, node, created_at, event_type, uid, targets)
SELECT id, nextval('fanfare.positions'), scope, CASE WHEN n % 100 = 99 THEN 9000 ELSE $NODE END,
    created_at, event_type, CASE WHEN n % 10 = 0 THEN 'uid-' || n END,
    uuid_send(fanfare.endpoint(scope * 10 + n % 10))
        || uuid_send(fanfare.endpoint(scope * 10 + (n + 1) % 10))
FROM fanfare.made ORDER BY n;
INSERT INTO fanfare.payloads (id, data)
SELECT id, convert_to('{"number":' || n || '}', 'UTF8') FROM fanfare.made ORDER BY n;
INSERT INTO fanfare.event_uids (scope, uid, event)
SELECT scope, uid, id FROM fanfare.events WHERE uid IS NOT NULL;
INSERT INTO fanfare.idempotency_keys (digest, content, expires_at, scope, event)
SELECT sha256(convert_to(n::text, 'UTF8')), id, created_at + 86400000000, scope, id
FROM fanfare.made WHERE n % 10 = 1;

-- 97 of 100 arrived, 2 failed, 1 was discarded.
INSERT INTO fanfare.deliveries (id, scope, endpoint, at, created_at, first_attempt_at, state, reason,
    attempts, extra_attempts, last_status, last_error, holds, event_type)
SELECT fanfare.delivery_at(id, place), scope, fanfare.endpoint(scope * 10 + (n + place) % 10),
    created_at + 1000, created_at, created_at,
    CASE WHEN n % 100 < 97 THEN 1 WHEN n % 100 < 99 THEN 2 ELSE 3 END,
    CASE WHEN n % 100 < 97 THEN NULL ELSE 0 END, 1, 0,
    CASE WHEN n % 100 < 97 THEN 200 ELSE 500 END, NULL, false, event_type
FROM fanfare.made, generate_series(0, 1) AS place ORDER BY n, place;
INSERT INTO fanfare.attempts (id, scope, started_at, status, rest)
SELECT fanfare.attempt_of(id, 1), scope, created_at, last_status, '$REST'
FROM fanfare.deliveries ORDER BY id;

-- What waits: replays of a part of the events, a fifth of it in lines, a few of them held.
INSERT INTO fanfare.open_deliveries (id, scope, event, endpoint, replay_of, at, created_at, expires_at,
    position, strand, state, reason, attempts, extra_attempts, holds, event_type, node)
SELECT fanfare.delivery_at(fanfare.id_of(($DAY * 86400000::bigint + n), n + 1000000), 0), scope, id,
    fanfare.endpoint(scope * 10 + n % 10), fanfare.delivery_at(id, 0), created_at, created_at,
    CASE WHEN n % 7 = 0 THEN created_at + 864000000000 END,
    CASE WHEN n % 10 < 2 THEN n END, CASE WHEN n % 10 < 2 THEN 0 END,
    CASE WHEN n % 5000 = 0 THEN 2 ELSE 0 END, CASE WHEN n % 5000 = 0 THEN 0 END, 1, 0, n % 5000 = 0, event_type,
    CASE WHEN n % 20 = 3 THEN 0 ELSE $NODE END
FROM fanfare.made WHERE n % 4 < 1;

INSERT INTO fanfare.tallies (endpoint, minute, node, succeeded, unsuccessful, delivered, failed,
    discarded, duration_ms)
SELECT fanfare.endpoint(n), minute, $NODE, 1, 0, 1, 0, 0, 5
FROM generate_series(10, 20) AS n,
    generate_series(($DAY - 4) * 1440::bigint, ($DAY + 1) * 1440 - 1) AS minute;

INSERT INTO fanfare.documents (kind, environment, tenant, id, revision, created, body)
SELECT 'endpoint', 'default', 'tenant-' || n % 200 + 1, 'ep-' || n, n, n, '{}'
FROM generate_series(1, 20000) AS n;
UPDATE fanfare.counters SET value = 20000 WHERE name = 'revision';

-- A node that is gone, and left its last events without rows.
INSERT INTO fanfare.nodes (id, name, machine, pid, started, delivers, gone_at)
    OVERRIDING SYSTEM VALUE VALUES (9000, 'gone', '', 0, '', true, now());
INSERT INTO fanfare.counters (name, node, value)
SELECT 'materialised', 9000, max(position) - 50000 FROM fanfare.events;
INSERT INTO fanfare.counters (name, node, value)
SELECT 'materialised', $NODE, max(position) - 300 FROM fanfare.events;

DROP TABLE fanfare.made;
VACUUM ANALYZE;
