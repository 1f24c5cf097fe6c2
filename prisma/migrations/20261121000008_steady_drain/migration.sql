-- A drain that a long report does not slow down. While a snapshot is held, no dead row of the database can be cleaned
-- away: a drain that looks through the whole inbox, or moves on a counter, would wade through every row it ever touched.
-- So it looks only at the part of the inbox that may still change, and the heads are read from the log itself, which
-- leaves no dead rows.

-- Up to `floor` every event has left the inbox, and none can come any more. It rises to `seq` once all who were writing
-- when `seq` was the last number given have ended: numbers are taken out of order of commits, but never given back.
CREATE TABLE inbox_floor (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  floor bigint NOT NULL DEFAULT 0,
  seq bigint NOT NULL DEFAULT 0,
  writers text[] NOT NULL DEFAULT '{}',
  looked_at timestamptz NOT NULL DEFAULT '-infinity',
  CHECK (floor <= seq)
);
INSERT INTO inbox_floor DEFAULT VALUES;

COMMENT ON COLUMN log_head.position IS 'No longer moved on: the last row of events says it. Goes with the next release.';

DROP TABLE project_log_heads;
-- Where the chain of each project ends.
CREATE VIEW project_log_heads AS
  SELECT p.project_id, h.number, h.hash
  FROM (SELECT project_id::text FROM projects UNION ALL SELECT '_server') p CROSS JOIN LATERAL (
    (SELECT e.number, e.hash FROM events e WHERE e.project_id = p.project_id ORDER BY e.position DESC LIMIT 1)
    UNION ALL
    (SELECT f.number, f.hash FROM project_log_floors f WHERE f.project_id = p.project_id)
    LIMIT 1) h;
GRANT SELECT ON project_log_heads TO docket_app;

-- A restore may have set the numbers back without the floor: then the whole inbox counts again.
CREATE FUNCTION inbox_start() RETURNS bigint LANGUAGE sql STABLE AS
  $$ SELECT CASE WHEN s.last_value < f.floor THEN 0 ELSE f.floor END FROM inbox_floor f, event_inbox_seq_seq s $$;

CREATE FUNCTION raise_inbox_floor() RETURNS void LANGUAGE plpgsql AS $$
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

-- Moves up to `batch` committed events into the log; answers the head and how many it moved. One autocommit statement
-- under READ COMMITTED, never inside another transaction: it must see what committed while it waited for the lock.
CREATE OR REPLACE FUNCTION drain(batch integer DEFAULT 1000) RETURNS TABLE (head bigint, moved integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  last bigint;
  size bigint;
  partitioned_to bigint;
  inbox_from bigint;
  n integer;
BEGIN
  -- Nothing to do is the common case and takes no lock. A row that another drain is just moving still shows here.
  inbox_from := inbox_start();
  IF NOT EXISTS (SELECT FROM event_inbox i WHERE i.seq > inbox_from) THEN
    RETURN QUERY SELECT coalesce((SELECT e.position FROM events e ORDER BY e.position DESC LIMIT 1), 0), 0;
    RETURN;
  END IF;
  SELECT h.partition_size, h.partitions_end INTO size, partitioned_to FROM log_head h FOR UPDATE;
  inbox_from := inbox_start();
  last := coalesce((SELECT e.position FROM events e ORDER BY e.position DESC LIMIT 1), 0);
  -- The next partition is there before half of the last one is used.
  WHILE last + batch + size / 2 >= partitioned_to LOOP
    BEGIN
      PERFORM add_log_partition();
      partitioned_to := partitioned_to + size;
    EXCEPTION WHEN lock_not_available THEN
      -- Somebody holds the log's definition: while the partitions at hand have room, the next drain may try again.
      IF last + batch >= partitioned_to THEN
        RAISE;
      END IF;
      EXIT;
    END;
  END LOOP;
  WITH taken AS (
    DELETE FROM event_inbox i
    WHERE i.seq = ANY (ARRAY(SELECT o.seq FROM event_inbox o WHERE o.seq > inbox_from ORDER BY o.seq LIMIT batch))
    RETURNING i.*
  ), heads AS MATERIALIZED (
    SELECT p.project_id, coalesce(e.number, f.number, 0) AS number, coalesce(e.hash, f.hash, ''::bytea) AS hash
    FROM (SELECT DISTINCT t.project_id FROM taken t) p
    LEFT JOIN LATERAL (SELECT l.number, l.hash FROM events l WHERE l.project_id = p.project_id
                       ORDER BY l.position DESC LIMIT 1) e ON true
    LEFT JOIN project_log_floors f ON f.project_id = p.project_id
  ), numbered AS (
    SELECT t.seq, h.hash AS head_hash,
      ROW(last + row_number() OVER (ORDER BY t.seq),
        h.number + row_number() OVER (PARTITION BY t.project_id ORDER BY t.seq),
        t.event_id, t.event_type, t.project_id, t.subject_type, t.subject_id, t.actor, t.client, t.occurred_at,
        t.correlation_id, t.payload, NULL)::events AS e
    FROM taken t JOIN heads h ON h.project_id = t.project_id
  ), stored AS (
    INSERT INTO events (position, number, event_id, event_type, project_id, subject_type, subject_id, actor, client,
        occurred_at, correlation_id, payload, hash)
    SELECT (e).position, (e).number, (e).event_id, (e).event_type, (e).project_id, (e).subject_type, (e).subject_id,
      (e).actor, (e).client, (e).occurred_at, (e).correlation_id, (e).payload,
      log_chain(head_hash, log_entry(e)) OVER (PARTITION BY (e).project_id ORDER BY seq)
    FROM numbered
    RETURNING 1
  )
  SELECT count(*) INTO n FROM stored;
  IF n > 0 THEN
    PERFORM pg_notify('docket_log', (last + n)::text);
    PERFORM raise_inbox_floor();
  END IF;
  RETURN QUERY SELECT last + n, n;
END $$;
REVOKE EXECUTE ON FUNCTION inbox_start(), raise_inbox_floor() FROM PUBLIC;
