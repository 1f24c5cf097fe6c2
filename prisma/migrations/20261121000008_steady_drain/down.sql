ALTER VIEW project_log_heads RENAME TO heads_now;
CREATE TABLE project_log_heads (
  project_id text PRIMARY KEY,
  number bigint NOT NULL,
  hash bytea NOT NULL
);
INSERT INTO project_log_heads (project_id, number, hash) SELECT project_id, number, hash FROM heads_now;
DROP VIEW heads_now;
GRANT SELECT ON project_log_heads TO docket_app;
UPDATE log_head SET position = coalesce((SELECT e.position FROM events e ORDER BY e.position DESC LIMIT 1), 0);
COMMENT ON COLUMN log_head.position IS NULL;

-- Moves up to `batch` committed events into the log; answers the head and how many it moved. One autocommit statement
-- under READ COMMITTED, never inside another transaction: it must see what committed while it waited for the lock.
CREATE OR REPLACE FUNCTION drain(batch integer DEFAULT 1000) RETURNS TABLE (head bigint, moved integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  last bigint;
  size bigint;
  partitioned_to bigint;
  n integer;
BEGIN
  -- Nothing to do is the common case and takes no lock. A row that another drain is just moving still shows here.
  IF NOT EXISTS (SELECT FROM event_inbox) THEN
    RETURN QUERY SELECT h.position, 0 FROM log_head h;
    RETURN;
  END IF;
  SELECT h.position, h.partition_size, h.partitions_end INTO last, size, partitioned_to FROM log_head h FOR UPDATE;
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
    DELETE FROM event_inbox i USING (SELECT o.seq FROM event_inbox o ORDER BY o.seq LIMIT batch) oldest
    WHERE i.seq = oldest.seq RETURNING i.*
  ), numbered AS (
    SELECT t.seq, coalesce(h.hash, ''::bytea) AS head_hash,
      ROW(last + row_number() OVER (ORDER BY t.seq),
        coalesce(h.number, 0) + row_number() OVER (PARTITION BY t.project_id ORDER BY t.seq),
        t.event_id, t.event_type, t.project_id, t.subject_type, t.subject_id, t.actor, t.client, t.occurred_at,
        t.correlation_id, t.payload, NULL)::events AS e
    FROM taken t LEFT JOIN project_log_heads h ON h.project_id = t.project_id
  ), stored AS (
    INSERT INTO events (position, number, event_id, event_type, project_id, subject_type, subject_id, actor, client,
        occurred_at, correlation_id, payload, hash)
    SELECT (e).position, (e).number, (e).event_id, (e).event_type, (e).project_id, (e).subject_type, (e).subject_id,
      (e).actor, (e).client, (e).occurred_at, (e).correlation_id, (e).payload,
      log_chain(head_hash, log_entry(e)) OVER (PARTITION BY (e).project_id ORDER BY seq)
    FROM numbered
    RETURNING project_id, number, hash
  ), heads AS (
    INSERT INTO project_log_heads AS h (project_id, number, hash)
    SELECT DISTINCT ON (s.project_id) s.project_id, s.number, s.hash FROM stored s ORDER BY s.project_id, s.number DESC
    ON CONFLICT (project_id) DO UPDATE SET number = excluded.number, hash = excluded.hash
  )
  SELECT count(*) INTO n FROM stored;
  IF n > 0 THEN
    UPDATE log_head h SET position = last + n;
    PERFORM pg_notify('docket_log', (last + n)::text);
  END IF;
  RETURN QUERY SELECT last + n, n;
END $$;
DROP FUNCTION raise_inbox_floor(), inbox_start();
DROP TABLE inbox_floor;
