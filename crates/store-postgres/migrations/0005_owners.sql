-- Owners: endpoints that one node serves at a time, since they have an order or a rate.

-- What waits for such an endpoint has node = -1 in open_deliveries: it is its owner's, whoever that is. So
-- an endpoint changes its owner by one row here, however much waits for it. node: 0 once the owner has let
-- go; one that is gone has let go too. epoch: counts the owners.
CREATE TABLE fanfare.owners (
    endpoint uuid PRIMARY KEY,
    node bigint NOT NULL,
    epoch bigint NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- As before, but for deliveries that stand in an order: they have rows since their events were appended, and
-- their owner may end them in this very moment.
CREATE OR REPLACE FUNCTION fanfare.adopt(up_to bigint, most integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    orphan bigint;
    done bigint;
    reached bigint;
    looked_at integer;
    made uuid[];
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
        WITH given AS (
            INSERT INTO fanfare.open_deliveries (id, scope, event, endpoint, replay_of, at,
                created_at, expires_at, first_attempt_at, position, strand, state, reason, attempts,
                extra_attempts, last_status, last_error, holds, event_type, node)
            SELECT delivery, scope, NULL, endpoint, NULL,
                least(greatest(created_at, deliver_at), expires_at), created_at, expires_at, NULL,
                NULL, NULL, 0, NULL, 0, 0, NULL, NULL, false, event_type, 0
            FROM (
                SELECT event.*, fanfare.delivery_at(event.id, place) AS delivery,
                    encode(substr(targets, place * 16 + 1, 16), 'hex')::uuid AS endpoint
                FROM fanfare.events AS event,
                    generate_series(0, length(targets) / 16 - 1) AS place
                WHERE node = orphan AND event.position > done AND event.position <= reached
            ) AS deliveries
            WHERE NOT EXISTS (SELECT FROM fanfare.deliveries AS ended WHERE ended.id = delivery)
            ON CONFLICT (id) DO NOTHING
            RETURNING id
        )
        SELECT array_agg(id) INTO made FROM given;
        -- A row that made room for one of these while they were written is among those that ended now.
        DELETE FROM fanfare.open_deliveries AS row USING fanfare.deliveries AS ended
            WHERE row.id = ANY(made) AND ended.id = row.id;
        INSERT INTO fanfare.counters (name, node, value) VALUES ('materialised', orphan, reached)
            ON CONFLICT (name, node) DO UPDATE SET value = excluded.value;
        RETURN looked_at;
    END LOOP;
    RETURN 0;
END $$;
