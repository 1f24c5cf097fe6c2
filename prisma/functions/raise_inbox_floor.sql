-- Raises the floor of the inbox at most once a second: up to it every event has left, and none can come any more. It
-- rises to `seq` once all who were writing when `seq` was the last number given have ended.
CREATE OR REPLACE FUNCTION raise_inbox_floor() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  known inbox_floor;
  given bigint;
  writing text[];
BEGIN
  SELECT * INTO known FROM inbox_floor;
  IF known.looked_at BETWEEN clock_timestamp() - interval '1 second' AND clock_timestamp() THEN
    RETURN;
  END IF;
  -- First the number, then who writes: whoever has a number up to it has had the lock since before, or has ended.
  SELECT last_value INTO given FROM event_inbox_seq_seq;
  SELECT coalesce(array_agg(l.virtualtransaction), '{}') INTO writing FROM pg_locks l
  WHERE l.locktype = 'relation' AND l.relation = 'event_inbox'::regclass AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.mode = 'RowExclusiveLock' AND l.pid IS DISTINCT FROM pg_backend_pid();
  IF known.writers && writing THEN
    UPDATE inbox_floor SET looked_at = clock_timestamp();
  ELSE
    -- What they committed is visible from here on; it may not have been moved yet.
    UPDATE inbox_floor SET
      floor = CASE
        WHEN given < known.seq THEN 0
        WHEN EXISTS (SELECT FROM event_inbox i WHERE i.seq > known.floor AND i.seq <= known.seq) THEN known.floor
        ELSE known.seq END,
      seq = given, writers = writing, looked_at = clock_timestamp();
  END IF;
END $$;

REVOKE EXECUTE ON FUNCTION raise_inbox_floor() FROM PUBLIC;
