-- The log. A transaction leaves its event in event_inbox; drain() moves what has committed into events, numbered
-- without holes and chained. Numbers are given after commit, under one lock: a number that a reader can see is never
-- followed by a smaller one that it could not.

CREATE TABLE event_inbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id uuid NOT NULL DEFAULT gen_random_uuid(),
  event_type text NOT NULL,
  -- '_server' for what belongs to no project
  project_id text NOT NULL,
  subject_type text NOT NULL,
  subject_id text NOT NULL,
  actor text NOT NULL,
  client text,
  occurred_at timestamptz NOT NULL DEFAULT docket_now(),
  correlation_id text,
  payload jsonb NOT NULL DEFAULT '{}',
  -- One row that cannot be moved (too long for an index, no instant, too large to hash) would stop the log of every
  -- project: such a row fails here, with the change that made it.
  CONSTRAINT chk_inbox_movable CHECK (
    char_length(project_id) <= 100 AND char_length(subject_id) <= 200 AND isfinite(occurred_at)
    AND jsonb_typeof(payload) = 'object' AND pg_column_size(payload) <= 16000000)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE events (
  position bigint PRIMARY KEY,
  number bigint NOT NULL,
  event_id uuid NOT NULL,
  event_type text NOT NULL,
  project_id text NOT NULL,
  subject_type text NOT NULL,
  subject_id text NOT NULL,
  actor text NOT NULL,
  client text,
  occurred_at timestamptz NOT NULL,
  correlation_id text,
  payload jsonb NOT NULL,
  hash bytea NOT NULL
) PARTITION BY RANGE (position);
-- Numbers rise with positions, so these serve both, and a page after a cursor is a range of the index.
CREATE INDEX idx_events_project_position ON events (project_id, position);
CREATE INDEX idx_task_events_task_id ON events (project_id, subject_id, position);

-- One row: the last position given, the partitions made, and the key of the cursors (they outlive a process and a restore).
CREATE TABLE log_head (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  position bigint NOT NULL DEFAULT 0,
  -- the first position that no partition holds yet, and how many positions the next one will hold
  partitions_end bigint NOT NULL DEFAULT 1,
  partition_size bigint NOT NULL DEFAULT 1000000 CHECK (partition_size > 0),
  cursor_key bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) CHECK (octet_length(cursor_key) = 16)
);
INSERT INTO log_head DEFAULT VALUES;

CREATE TABLE project_log_heads (
  project_id text PRIMARY KEY,
  number bigint NOT NULL,
  hash bytea NOT NULL
);

CREATE FUNCTION refuse_log_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The event log is immutable: % on % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
-- A row trigger of the parent is cloned to every partition; a TRUNCATE trigger is not, add_log_partition() makes it.
CREATE TRIGGER events_immutable BEFORE UPDATE OR DELETE ON events
  FOR EACH ROW EXECUTE FUNCTION refuse_log_change();
CREATE TRIGGER events_not_truncated BEFORE TRUNCATE ON events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_log_change();

-- LIKE + ATTACH, because CREATE … PARTITION OF waits for readers and holds up every writer behind it. ATTACH still waits
-- for an ANALYZE or a reindexing of the log: not for long, see drain().
CREATE FUNCTION add_log_partition() RETURNS void LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
  first bigint;
  size bigint;
  name text;
BEGIN
  SELECT partitions_end, partition_size INTO first, size FROM log_head;
  name := 'events_from_' || first;
  EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
  EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', name, first, first + size);
  EXECUTE format('CREATE TRIGGER events_not_truncated BEFORE TRUNCATE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION refuse_log_change()', name);
  EXECUTE format('GRANT SELECT ON %I TO docket_app', name);
  UPDATE log_head SET partitions_end = first + size;
END $$;
SELECT add_log_partition();

-- What a link of the chain says of its event. Instants as UTC microseconds: text of a timestamptz follows the session.
CREATE FUNCTION log_entry(e events) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT jsonb_build_array(e.position, e.number, e.event_id, e.event_type, e.project_id, e.subject_type, e.subject_id,
    e.actor, e.client, (extract(epoch FROM e.occurred_at) * 1000000)::bigint, e.correlation_id, e.payload)::text
$$;
CREATE FUNCTION log_link(state bytea, head bytea, entry text) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT sha256(coalesce(state, head) || convert_to(entry, 'UTF8')) $$;
CREATE AGGREGATE log_chain(head bytea, entry text) (SFUNC = log_link, STYPE = bytea);

-- Moves up to `batch` committed events into the log; answers the head and how many it moved. One autocommit statement
-- under READ COMMITTED, never inside another transaction: it must see what committed while it waited for the lock.
CREATE FUNCTION drain(batch integer DEFAULT 1000) RETURNS TABLE (head bigint, moved integer)
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
REVOKE EXECUTE ON FUNCTION drain(integer), add_log_partition() FROM PUBLIC;

GRANT INSERT, SELECT ON event_inbox TO docket_app;
GRANT SELECT ON events, log_head, project_log_heads TO docket_app;
GRANT EXECUTE ON FUNCTION drain(integer) TO docket_app;
