INSERT INTO fanfare.events (id, position, scope, node, created_at, event_type, uid, targets)
SELECT fill.id(millis, n, '00000000'), $FIRST + n, scope, node, millis * 1000, event_type,
    CASE WHEN n % 10 = 0 THEN 'order-' || $DAY || '-' || n END, targets
FROM fill.day($DAY) JOIN fill.model ON number = model;

INSERT INTO fanfare.payloads (id, data)
SELECT fill.id(millis, n, '00000000'), data FROM fill.day($DAY) JOIN fill.model ON number = model;

INSERT INTO fanfare.event_uids (scope, uid, event)
SELECT scope, 'order-' || $DAY || '-' || n, fill.id(millis, n, '00000000')
FROM fill.day($DAY) JOIN fill.model ON number = model WHERE n % 10 = 0;

INSERT INTO fanfare.idempotency_keys (digest, content, expires_at, scope, event)
SELECT sha256(int8send($DAY) || int8send(n)), fill.id(millis, n, '00000000'),
    millis * 1000 + 86400000000, scope, fill.id(millis, n, '00000000')
FROM fill.day($DAY) JOIN fill.model ON number = model WHERE n % 10 = 1;

INSERT INTO fanfare.deliveries (id, scope, endpoint, at, created_at, first_attempt_at, state, attempts,
    extra_attempts, last_status, holds, event_type)
SELECT fill.id(millis, n, '00010000'), scope, endpoint, millis * 1000 + took, millis * 1000,
    millis * 1000 + began, 1, 1, 0, status, false, event_type
FROM fill.day($DAY) JOIN fill.model ON number = model;

INSERT INTO fanfare.attempts (id, scope, started_at, status, rest, response_body)
SELECT fill.id(millis, n, '00010001'), scope, millis * 1000 + began, status, rest, response_body
FROM fill.day($DAY) JOIN fill.model ON number = model;

INSERT INTO fanfare.tallies (endpoint, minute, node, succeeded, unsuccessful, delivered, failed,
    discarded, duration_ms)
SELECT endpoint, minute, max(node), 100, 0, 100, 0, 0, 300
FROM fill.model, generate_series($DAY * 1440::bigint, $DAY * 1440 + 1439) AS minute
GROUP BY endpoint, minute ON CONFLICT DO NOTHING;
