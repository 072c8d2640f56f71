-- Batches ---------------------------------------------------------------------------------------

-- A delivery's place in a batch, see the domain's InBatch; null where it goes by itself.
ALTER TABLE deliveries ADD COLUMN batch BLOB;
CREATE INDEX deliveries_batch ON deliveries (batch) WHERE state = 0 AND batch IS NOT NULL;
