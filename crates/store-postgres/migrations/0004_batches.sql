-- Batches: which deliveries go together.

-- A delivery's place in a batch, see the domain's InBatch; null where it goes by itself. All of a batch
-- that wait are of one node.
ALTER TABLE fanfare.open_deliveries ADD COLUMN batch uuid;
ALTER TABLE fanfare.deliveries ADD COLUMN batch uuid;
CREATE INDEX open_deliveries_batch ON fanfare.open_deliveries (node, batch)
    WHERE state = 0 AND batch IS NOT NULL;
