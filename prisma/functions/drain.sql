-- A long report does not slow it down: while a snapshot is held, no dead row of the database can be cleaned away, so it
-- looks only at the part of the inbox that may still change, and reads the heads from the log, which leaves no dead rows.
-- Moves up to `batch` committed events into the log; answers the head and how many it moved. One autocommit statement
-- under READ COMMITTED, never inside another transaction: it must see what committed while it waited for the lock.
-- A scan that cannot be avoided counts as so dear that PostgreSQL would compile the plan, for longer than it then runs.
CREATE OR REPLACE FUNCTION drain(batch integer DEFAULT 1000) RETURNS TABLE (head bigint, moved integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
SET jit = off AS $$
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

REVOKE EXECUTE ON FUNCTION drain(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drain(integer) TO docket_app;
