DROP INDEX idx_reservations_ended;
CREATE INDEX idx_reservations_returnable ON id_reservations (namespace, artifact_type, (coalesce(released_at, expires_at)))
  WHERE confirmed_at IS NULL AND returned_at IS NULL;
DROP INDEX idx_reservations_due;
CREATE INDEX idx_reservations_due ON id_reservations (expires_at)
  WHERE confirmed_at IS NULL AND released_at IS NULL AND expired_at IS NULL;

-- Marks what has expired (one event each) and returns the numbers of ended reservations to the registry, oldest first.
-- The caller holds the sequence's row; who confirms, extends or releases holds only the reservation's, so each update
-- says again what it depends on. Bounded, so that a backlog cannot outlast the statement's time limit. Each list is an
-- ARRAY, made once, and each of it found by the index; joined, the list was made anew for every row.
CREATE OR REPLACE FUNCTION return_numbers(ns text, type text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  -- Asked once; in a condition they would be asked for every row.
  now timestamptz := docket_now();
  horizon timestamptz := reuse_horizon(ns);
  came_back int8multirange;
BEGIN
  WITH expired AS (
    UPDATE id_reservations SET expired_at = now
    WHERE namespace = ns AND confirmed_at IS NULL AND released_at IS NULL AND expired_at IS NULL AND expires_at <= now
      AND reservation_id = ANY (ARRAY(
      SELECT r.reservation_id FROM id_reservations r
      WHERE r.namespace = ns AND r.artifact_type = type AND r.confirmed_at IS NULL AND r.released_at IS NULL
        AND r.expired_at IS NULL AND r.expires_at <= now
      ORDER BY r.expires_at LIMIT 500))
    RETURNING project_id, reservation_id, numbers, expires_at, branch, task_id
  )
  -- The server itself tells of it, whoever's call it is that comes by.
  INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, client, correlation_id, payload)
  SELECT 'ids.expired', e.project_id, 'reservation', e.reservation_id, 'server', NULL, NULL, jsonb_build_object(
    'artifactType', type, 'ids', artifact_ids(type, e.numbers), 'expiresAt', e.expires_at, 'branch', e.branch,
    'branchName', e.branch, 'taskId', e.task_id,
    -- The clock has changed it already: what it was before its time was over is known.
    'changes', changes_between('{"status": "ACTIVE"}', '{"status": "EXPIRED"}'))
  FROM expired e ORDER BY e.expires_at, e.reservation_id;

  WITH back AS (
    UPDATE id_reservations SET returned_at = now
    WHERE namespace = ns AND (released_at IS NOT NULL OR expired_at IS NOT NULL) AND reservation_id = ANY (ARRAY(
      SELECT r.reservation_id FROM id_reservations r
      WHERE r.namespace = ns AND r.artifact_type = type AND r.confirmed_at IS NULL AND r.returned_at IS NULL
        AND coalesce(r.released_at, r.expires_at) <= horizon
      ORDER BY coalesce(r.released_at, r.expires_at) LIMIT 500))
    RETURNING numbers
  )
  SELECT range_agg(numbers) INTO came_back FROM back;
  IF came_back IS NOT NULL THEN
    UPDATE id_registry SET released = released + came_back WHERE namespace = ns AND artifact_type = type;
  END IF;
END $$;

CREATE OR REPLACE FUNCTION artifact_ids(type text, numbers int8multirange) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN ARRAY(SELECT artifact_id(type, n) FROM unnest(numbers) run, generate_series(lower(run), upper(run) - 1) n);
END $$;

ALTER FUNCTION prune_ended(integer) RESET enable_seqscan;
