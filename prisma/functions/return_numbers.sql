-- Marks what has expired (one event each) and returns the numbers of ended reservations to the registry, oldest first.
-- The caller holds the sequence's row; who confirms, extends or releases holds only the reservation's, so what is due is
-- locked when it is listed. Bounded, so that a backlog cannot outlast the statement's time limit. A connection keeps the
-- plan that it made while few were due, or there were few at all: each list comes from the one index that has its order,
-- and each of the list is found by its ID alone, so that no other plan is possible when there are many.
CREATE OR REPLACE FUNCTION return_numbers(ns text, type text) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  -- Asked once; in a condition they would be asked for every row.
  now timestamptz := docket_now();
  horizon timestamptz := reuse_horizon(ns);
  came_back int8multirange;
  came_later int8multirange;
BEGIN
  WITH due AS MATERIALIZED (
    SELECT r.reservation_id FROM id_reservations r
    WHERE r.namespace = ns AND r.artifact_type = type AND r.confirmed_at IS NULL AND r.released_at IS NULL
      AND r.expired_at IS NULL AND r.expires_at <= now
    ORDER BY r.expires_at LIMIT 500 FOR NO KEY UPDATE
  ), expired AS (
    UPDATE id_reservations r SET expired_at = now, returned_at = CASE WHEN r.expires_at <= horizon THEN now END
    FROM due WHERE r.reservation_id = due.reservation_id
    RETURNING r.project_id, r.reservation_id, r.numbers, r.expires_at, r.branch, r.task_id, r.returned_at
  ), told AS (
    -- The server itself tells of it, whoever's call it is that comes by.
    INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, client, correlation_id, payload)
    SELECT 'ids.expired', e.project_id, 'reservation', e.reservation_id, 'server', NULL, NULL, jsonb_build_object(
      'artifactType', type, 'ids', artifact_ids(type, e.numbers), 'expiresAt', e.expires_at, 'branch', e.branch,
      'branchName', e.branch, 'taskId', e.task_id,
      -- The clock has changed it already: what it was before its time was over is known.
      'changes', changes_between('{"status": "ACTIVE"}', '{"status": "EXPIRED"}'))
    FROM expired e ORDER BY e.expires_at, e.reservation_id
  )
  SELECT range_agg(numbers) FILTER (WHERE returned_at IS NOT NULL) INTO came_back FROM expired;

  WITH due AS MATERIALIZED (
    SELECT r.reservation_id FROM id_reservations r
    WHERE r.namespace = ns AND r.artifact_type = type AND r.confirmed_at IS NULL AND r.returned_at IS NULL
      AND coalesce(r.released_at, r.expires_at) <= horizon AND (r.released_at IS NOT NULL OR r.expired_at IS NOT NULL)
    ORDER BY coalesce(r.released_at, r.expires_at) LIMIT 500 FOR NO KEY UPDATE
  ), back AS (
    UPDATE id_reservations r SET returned_at = now FROM due WHERE r.reservation_id = due.reservation_id RETURNING r.numbers
  )
  SELECT range_agg(numbers) INTO came_later FROM back;
  IF came_back IS NOT NULL OR came_later IS NOT NULL THEN
    UPDATE id_registry SET released = released + coalesce(came_back, '{}') + coalesce(came_later, '{}')
    WHERE namespace = ns AND artifact_type = type;
  END IF;
END $$;
