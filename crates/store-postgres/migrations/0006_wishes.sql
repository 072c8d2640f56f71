-- Wishes: what is asked of whichever node attempts a delivery, by another one.

-- job: the one for which the delivery is to end; zero where an extra attempt is wanted. A wish for one is taken
-- out by whoever grants it, and forgotten when nobody does within seconds; those of a job when it has counted
-- them, or is not open any more. Few rows that come and go, and are looked for twice a second.
CREATE TABLE fanfare.wishes (
    job uuid NOT NULL,
    delivery uuid NOT NULL,
    known_attempts integer NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job, delivery)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
