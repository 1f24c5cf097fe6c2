-- Takes the oldest partition out of the log when it is full, the log goes on behind it, and its newest event is older
-- than `keep`; answers its name. null: nothing to do, or somebody uses the log for longer than readers behind us may
-- wait, so that the next call may try again. The table stays, as immutable as it was, for the owner to dump and drop.
CREATE OR REPLACE FUNCTION detach_log_partition(keep interval) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '200ms' SET enable_seqscan = off AS $$
DECLARE
  oldest name;
  partition_end bigint;
  is_old boolean;
BEGIN
  IF keep IS NULL OR keep < interval '1 month' THEN
    RAISE EXCEPTION 'The log is kept for one month at least, not %', coalesce(keep::text, 'null')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM FROM log_floor FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT c.relname, (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''(\d+)''\)'))[1]::bigint AS ends
    INTO oldest, partition_end
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'events'::regclass ORDER BY ends LIMIT 1;
  -- Positions are dense: these two say that it is full and that the log goes on.
  SELECT e.occurred_at < docket_now() - keep INTO is_old FROM events e
    WHERE e.position = partition_end - 1 AND EXISTS (SELECT FROM events n WHERE n.position = partition_end);
  IF is_old IS NOT TRUE THEN
    RETURN NULL;
  END IF;
  -- Instants do not rise with positions: a clock may have been wrong, a transaction long.
  EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I WHERE occurred_at >= $1)', oldest) INTO is_old USING docket_now() - keep;
  IF NOT is_old THEN
    RETURN NULL;
  END IF;
  -- A full partition never changes, so all this may be read before anyone has to wait. By the index from project to
  -- project, as it may hold millions of events of a few.
  EXECUTE format('WITH RECURSIVE last AS (
      (SELECT project_id, number, hash FROM %1$I ORDER BY project_id DESC, position DESC LIMIT 1)
      UNION ALL
      SELECT before.* FROM last CROSS JOIN LATERAL (SELECT e.project_id, e.number, e.hash FROM %1$I e
        WHERE e.project_id < last.project_id ORDER BY e.project_id DESC, e.position DESC LIMIT 1) before
    )
    INSERT INTO project_log_floors AS f (project_id, number, hash) SELECT project_id, number, hash FROM last
    ON CONFLICT (project_id) DO UPDATE SET number = excluded.number, hash = excluded.hash', oldest);
  UPDATE log_floor SET position = e.position, hash = e.hash FROM events e WHERE e.position = partition_end - 1;
  EXECUTE format('ALTER TABLE events DETACH PARTITION %I', oldest);
  -- The row trigger was the parent's and went with it.
  EXECUTE format('CREATE TRIGGER events_immutable BEFORE UPDATE OR DELETE ON %I
                    FOR EACH ROW EXECUTE FUNCTION refuse_log_change()', oldest);
  EXECUTE format('REVOKE ALL ON %I FROM docket_app', oldest);
  RETURN oldest;
EXCEPTION WHEN lock_not_available THEN
  RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION detach_log_partition(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION detach_log_partition(interval) TO docket_app;
