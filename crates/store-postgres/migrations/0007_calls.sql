-- The two writes that nearly all traffic is made of, as one call each: one statement is parsed and planned for
-- a commit instead of five to ten (the server keeps the plans of a function's statements), one message goes
-- there and one comes back, and the call is its own transaction. What is out of the ordinary is written by
-- single statements, as before.

-- As be_present, for a transaction that is one statement, and so never idle.
CREATE FUNCTION fanfare.must_be_present(by_node bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF by_node = 0 THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(1852793957, by_node::integer);
    IF NOT EXISTS (SELECT FROM fanfare.nodes WHERE id = by_node AND gone_at IS NULL) THEN
        RAISE EXCEPTION 'node % is gone, and others do its work', by_node USING ERRCODE = 'FF001';
    END IF;
END $$;

-- Appends events without a caller's id, an idempotency key or an order, and answers their positions. An
-- array that is empty stands for nulls only. mark: see src/log/horizon.rs, whose lock is taken before the
-- first position.
CREATE FUNCTION fanfare.append(by_node bigint, mark bigint, ids uuid[], scopes bigint[], created bigint[],
    deliver bigint[], expire bigint[], types text[], subcategories text[], attribute_lists text[],
    keys text[], target_lists bytea[], data_untils bigint[], payloads bytea[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    positions bigint[];
BEGIN
    PERFORM fanfare.must_be_present(by_node);
    PERFORM pg_advisory_xact_lock_shared(mark + last_value) FROM fanfare.positions;
    positions := ARRAY(SELECT nextval('fanfare.positions') FROM generate_series(1, cardinality(ids)));
    INSERT INTO fanfare.events (id, position, scope, node, created_at, deliver_at, expires_at,
        event_type, subcategory, attributes, ordering_key, targets, data_until)
    SELECT given.id, given.position, given.scope, by_node, given.created_at, given.deliver_at,
        given.expires_at, given.event_type, given.subcategory, given.attributes, given.ordering_key,
        given.targets, given.data_until
    FROM unnest(ids, positions, scopes, created, deliver, expire, types, subcategories, attribute_lists,
        keys, target_lists, data_untils) AS given (id, position, scope, created_at, deliver_at, expires_at,
        event_type, subcategory, attributes, ordering_key, targets, data_until);
    INSERT INTO fanfare.payloads (id, data, data_until)
    SELECT given.id, given.data, given.data_until
    FROM unnest(ids, payloads, data_untils) AS given (id, data, data_until)
    WHERE length(given.data) > 0;
    RETURN positions;
END $$;

-- Records deliveries that arrived at their first attempt, with this attempt, what that adds to the tallies,
-- and how far the rows reach. Where some of them have rows among those that wait, nothing is written, and
-- these are answered. Where one is recorded already, it fails by its key.
--
-- Its plans are kept while what waits grows from nothing to millions, and so must not be made for the former.
CREATE FUNCTION fanfare.record_arrived(by_node bigint, ids uuid[], scopes bigint[], endpoints uuid[],
    ends bigint[], created bigint[], types text[], attempt_ids uuid[], started bigint[], statuses integer[],
    rests text[], bodies bytea[], tally_endpoints uuid[], minutes bigint[],
    succeeded_counts bigint[], delivered_counts bigint[], durations bigint[], materialised bigint)
RETURNS uuid[] LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    open uuid[];
BEGIN
    PERFORM fanfare.must_be_present(by_node);
    open := ARRAY(SELECT id FROM fanfare.open_deliveries WHERE id = ANY(ids));
    IF cardinality(open) > 0 THEN
        RETURN open;
    END IF;
    INSERT INTO fanfare.attempts (id, scope, started_at, status, rest, response_body)
    SELECT * FROM unnest(attempt_ids, scopes, started, statuses, rests, bodies);
    INSERT INTO fanfare.deliveries (id, scope, endpoint, at, created_at, first_attempt_at, state,
        attempts, extra_attempts, last_status, holds, event_type)
    SELECT given.id, given.scope, given.endpoint, given.at, given.created_at, given.started_at, 1, 1, 0,
        given.status, false, given.event_type
    FROM unnest(ids, scopes, endpoints, ends, created, started, statuses, types)
        AS given (id, scope, endpoint, at, created_at, started_at, status, event_type);
    INSERT INTO fanfare.tallies AS tallies (endpoint, minute, node, succeeded, unsuccessful, delivered,
        failed, discarded, duration_ms)
    SELECT given.endpoint, given.minute, by_node, given.succeeded, 0, given.delivered, 0, 0,
        given.duration_ms
    FROM unnest(tally_endpoints, minutes, succeeded_counts, delivered_counts, durations)
        AS given (endpoint, minute, succeeded, delivered, duration_ms)
    ON CONFLICT (endpoint, minute, node) DO UPDATE SET
        succeeded = tallies.succeeded + excluded.succeeded,
        delivered = tallies.delivered + excluded.delivered,
        duration_ms = tallies.duration_ms + excluded.duration_ms;
    IF materialised IS NOT NULL THEN
        INSERT INTO fanfare.counters AS counters (name, node, value)
        VALUES ('materialised', by_node, materialised)
        ON CONFLICT (name, node) DO UPDATE SET value = greatest(counters.value, excluded.value);
    END IF;
    RETURN open;
END $$;
