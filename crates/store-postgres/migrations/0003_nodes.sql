-- Nodes: who is there, and whose work is whose.

-- A node has another id at each start, so an id is an epoch: what is written under one that is gone is
-- refused. beat changes as long as the node lives; others watch it by their own clocks. machine, pid
-- and started say which process it is, so that another on the same machine need not wait to see that
-- it has ended. delivers: whether it sends; what another one accepts is always taken over.
CREATE TABLE fanfare.nodes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    machine text NOT NULL,
    pid integer NOT NULL,
    started text NOT NULL,
    delivers boolean NOT NULL,
    beat bigint NOT NULL DEFAULT 0,
    began_at timestamptz NOT NULL DEFAULT now(),
    gone_at timestamptz
) WITH (fillfactor = 20);

-- What was written before there were nodes is nobody's, and is taken over by the first.
INSERT INTO fanfare.nodes (id, name, machine, pid, started, delivers, gone_at)
    OVERRIDING SYSTEM VALUE VALUES (0, '', '', 0, '', true, now());

DROP INDEX fanfare.events_position;
CREATE INDEX events_position ON fanfare.events (node, position);

-- Who attempts it; 0 where nobody does yet.
ALTER TABLE fanfare.open_deliveries ADD COLUMN node bigint NOT NULL DEFAULT 0;
DROP INDEX fanfare.open_deliveries_due;
CREATE INDEX open_deliveries_due ON fanfare.open_deliveries (node, endpoint, at, id)
    WHERE state = 0 AND strand IS NULL;
DROP INDEX fanfare.open_deliveries_in_turn;
CREATE INDEX open_deliveries_in_turn ON fanfare.open_deliveries (node, endpoint, strand, position)
    WHERE state = 0 AND strand IS NOT NULL;

-- At the begin of a transaction that writes what only a node that is there may write. The lock lets
-- nobody declare the node gone before the transaction has ended; should the node stop in the middle of
-- it, the server ends it after so many milliseconds.
CREATE FUNCTION fanfare.be_present(node bigint, idle integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1852793957, node::integer);
    PERFORM set_config('idle_in_transaction_session_timeout', idle::text, true);
    IF NOT EXISTS (SELECT FROM fanfare.nodes WHERE id = node AND gone_at IS NULL) THEN
        RAISE EXCEPTION 'node % is gone, and others do its work', node USING ERRCODE = 'FF001';
    END IF;
END $$;

-- Declares a node gone, once it writes nothing any more; false where somebody else did.
CREATE FUNCTION fanfare.declare_gone(node bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1852793957, node::integer);
    UPDATE fanfare.nodes SET gone_at = now() WHERE id = node AND gone_at IS NULL;
    RETURN FOUND;
END $$;

-- The id of an event's delivery to a place, counted from 0.
CREATE FUNCTION fanfare.delivery_at(event uuid, place integer) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN encode(substr(uuid_send(event), 1, 12) || substr(int4send(place + 1), 3, 2)
        || '\x0000'::bytea, 'hex')::uuid;

-- Gives deliveries without a row their rows: those of events that nodes accepted which do not deliver
-- them, or not any more. Goes on for one such node, by `most` events at a time and up to a position,
-- and answers how many events it looked at.
CREATE FUNCTION fanfare.adopt(up_to bigint, most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    orphan bigint;
    done bigint;
    reached bigint;
    looked_at integer;
BEGIN
    FOR orphan IN SELECT id FROM fanfare.nodes WHERE gone_at IS NOT NULL OR NOT delivers
        ORDER BY id FOR UPDATE SKIP LOCKED
    LOOP
        SELECT value INTO done FROM fanfare.counters WHERE name = 'materialised' AND node = orphan;
        done := coalesce(done, 0);
        SELECT count(*), max(position) INTO looked_at, reached FROM (
            SELECT position FROM fanfare.events WHERE node = orphan AND position > done
            AND position <= up_to ORDER BY position LIMIT most) AS step;
        CONTINUE WHEN looked_at = 0;
        INSERT INTO fanfare.open_deliveries (id, scope, event, endpoint, replay_of, at, created_at,
            expires_at, first_attempt_at, position, strand, state, reason, attempts, extra_attempts,
            last_status, last_error, holds, event_type, node)
        SELECT delivery, scope, NULL, endpoint, NULL,
            least(greatest(created_at, deliver_at), expires_at), created_at, expires_at, NULL, NULL,
            NULL, 0, NULL, 0, 0, NULL, NULL, false, event_type, 0
        FROM (
            SELECT event.*, fanfare.delivery_at(event.id, place) AS delivery,
                encode(substr(targets, place * 16 + 1, 16), 'hex')::uuid AS endpoint
            FROM fanfare.events AS event,
                generate_series(0, length(targets) / 16 - 1) AS place
            WHERE node = orphan AND event.position > done AND event.position <= reached
        ) AS deliveries
        WHERE NOT EXISTS (SELECT FROM fanfare.deliveries AS ended WHERE ended.id = delivery)
        ON CONFLICT (id) DO NOTHING;
        INSERT INTO fanfare.counters (name, node, value) VALUES ('materialised', orphan, reached)
            ON CONFLICT (name, node) DO UPDATE SET value = excluded.value;
        RETURN looked_at;
    END LOOP;
    RETURN 0;
END $$;

-- Forgets nodes that are gone and have nothing left.
CREATE FUNCTION fanfare.forget_nodes() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    old bigint;
BEGIN
    FOR old IN SELECT id FROM fanfare.nodes WHERE gone_at IS NOT NULL AND id <> 0
        AND gone_at < now() - interval '1 minute' FOR UPDATE SKIP LOCKED
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM fanfare.open_deliveries
            WHERE state = 0 AND strand IS NULL AND node = old);
        CONTINUE WHEN EXISTS (SELECT FROM fanfare.open_deliveries
            WHERE state = 0 AND strand IS NOT NULL AND node = old);
        CONTINUE WHEN EXISTS (SELECT FROM fanfare.events WHERE node = old AND position > coalesce((
            SELECT value FROM fanfare.counters WHERE name = 'materialised' AND node = old), 0));
        DELETE FROM fanfare.counters WHERE name = 'materialised' AND node = old;
        DELETE FROM fanfare.nodes WHERE id = old;
    END LOOP;
END $$;
