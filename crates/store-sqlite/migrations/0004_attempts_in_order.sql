-- Attempts stand in the order of their deliveries' rows, so that those of one commit share pages: by id they
-- were spread over as many places as there were events under way. place is the delivery's seq, and in its
-- last 16 bits the attempt's number. An attempt's row has a delivery's row, always.
CREATE TABLE attempts_in_order (
    place INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    status INTEGER,
    error INTEGER,
    rest TEXT NOT NULL,
    response_body BLOB
) STRICT;
-- An attempt's id is its delivery's with the number in the last two bytes.
INSERT INTO attempts_in_order (place, started_at, status, error, rest, response_body)
    SELECT (deliveries.seq << 16)
        | ((instr('0123456789ABCDEF', substr(hex(attempts.id), 29, 1)) - 1) << 12)
        | ((instr('0123456789ABCDEF', substr(hex(attempts.id), 30, 1)) - 1) << 8)
        | ((instr('0123456789ABCDEF', substr(hex(attempts.id), 31, 1)) - 1) << 4)
        | (instr('0123456789ABCDEF', substr(hex(attempts.id), 32, 1)) - 1),
        attempts.started_at, attempts.status, attempts.error, attempts.rest, attempts.response_body
    FROM attempts
    JOIN deliveries ON deliveries.id = CAST(substr(attempts.id, 1, 14) || x'0000' AS BLOB)
    ORDER BY 1;
DROP TABLE attempts;
ALTER TABLE attempts_in_order RENAME TO attempts;
