-- Copies of the events that are there, as many as are wanted, over the last days up to now, with all that a
-- delivery at the first attempt leaves: so that every table and index has the size that so many events give it.
-- The placeholders are the day of today, how many days there are, and the copies of each day.
CREATE SCHEMA fill;

CREATE FUNCTION fill.id(millis bigint, n bigint, counters text) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN (lpad(to_hex(millis), 12, '0') || lpad(to_hex(n), 12, '0') || counters)::uuid;

CREATE TABLE fill.model AS
SELECT row_number() OVER (ORDER BY event.id) - 1 AS number, event.scope, event.node, event.event_type,
    event.targets, payload.data, delivery.endpoint, delivery.at - event.created_at AS took,
    delivery.first_attempt_at - event.created_at AS began, attempt.status, attempt.rest,
    attempt.response_body
FROM fanfare.events AS event JOIN fanfare.payloads AS payload USING (id)
    JOIN fanfare.deliveries AS delivery ON delivery.id = fanfare.delivery_at(event.id, 0)
    JOIN fanfare.attempts AS attempt ON fanfare.delivery_of(attempt.id) = delivery.id;
ANALYZE fill.model;

SELECT fanfare.make_partitions(day) FROM generate_series($TODAY - $DAYS + 1, $TODAY) AS day;

-- The copies of a day: whole days, but for today's part.
CREATE FUNCTION fill.day(day bigint) RETURNS TABLE (n bigint, millis bigint, model bigint)
LANGUAGE sql STABLE AS $$
    SELECT n, day * 86400000 + ((n - 1) * least(86399000,
            extract(epoch FROM now())::bigint * 1000 - 1000 - day * 86400000) / $EACH),
        n % (SELECT count(*) FROM fill.model)
    FROM generate_series(1::bigint, $EACH) AS n
$$;
