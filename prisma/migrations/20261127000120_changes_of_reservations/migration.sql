-- A reservation as events carry it, under the names of the GraphQL API: what changes_between compares.
CREATE OR REPLACE FUNCTION reservation_document(r id_reservations) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT jsonb_build_object('reservationId', r.reservation_id, 'projectId', r.project_id, 'namespace', r.namespace,
    'artifactType', r.artifact_type, 'ids', artifact_ids(r.artifact_type, r.numbers),
    'status', upper(reservation_status(r)), 'reservedAt', r.reserved_at,
    'expiresAt', CASE WHEN r.confirmed_at IS NULL THEN r.expires_at END, 'confirmedAt', r.confirmed_at,
    'releasedAt', r.released_at, 'branchName', r.branch, 'taskId', r.task_id)
$$;

-- Records numbers that exist already: all or none. Those that lie in an unconfirmed reservation of this project leave
-- it for a confirmed row; when nothing would be left, the reservation itself becomes confirmed.
-- `taken`: the lowest that another project holds, or bears on a task that plain SQL wrote; nothing was recorded then.
-- `already`: confirmed before for this one.
-- `confirmed`: [{reservationId, ids, changes}] for each reservation that this confirmed a part of.
CREATE OR REPLACE FUNCTION record_numbers(ns text, type text, project text, wanted int8multirange)
RETURNS TABLE (taken text, already text[], confirmed jsonb) LANGUAGE plpgsql AS $$
DECLARE
  foreigners int8multirange;
  own_before int8multirange;
  kept int8multirange;
  whole int8multirange;
BEGIN
  PERFORM hold_sequence(ns, type);
  -- Held before they are judged: a reservation may be confirmed or released at this moment.
  PERFORM FROM id_reservations r
  WHERE r.namespace = ns AND r.artifact_type = type AND r.returned_at IS NULL AND r.confirmed_at IS NULL
    AND r.numbers && wanted ORDER BY r.reservation_id FOR NO KEY UPDATE;
  SELECT coalesce(range_agg(r.numbers) FILTER (WHERE r.project_id <> project), '{}'),
    coalesce(range_agg(r.numbers) FILTER (WHERE r.project_id = project), '{}'),
    wanted * range_agg(r.numbers) FILTER (WHERE r.project_id = project AND r.confirmed_at IS NOT NULL)
  INTO foreigners, own_before, kept
  FROM id_reservations r
  WHERE r.namespace = ns AND r.artifact_type = type AND r.returned_at IS NULL AND r.numbers && wanted;
  foreigners := wanted * foreigners + coalesce((SELECT range_agg(int8range(b.number, b.number + 1))
    FROM task_numbers(ns, type, wanted - own_before) b WHERE b.project <> record_numbers.project), '{}');
  IF NOT isempty(foreigners) THEN
    RETURN QUERY SELECT artifact_id(type, lower(foreigners)), NULL::text[], NULL::jsonb;
    RETURN;
  END IF;
  already := artifact_ids(type, coalesce(kept, '{}'));
  wanted := wanted - coalesce(kept, '{}');

  WITH own AS (
    SELECT r.reservation_id, r.numbers, reservation_document(r) AS document FROM id_reservations r
    WHERE r.namespace = ns AND r.artifact_type = type AND r.returned_at IS NULL AND r.confirmed_at IS NULL
      AND r.numbers && wanted
  ), used_up AS (
    UPDATE id_reservations r SET confirmed_at = docket_now(), released_at = NULL, expired_at = NULL
    FROM own WHERE r.namespace = ns AND r.reservation_id = own.reservation_id AND own.numbers <@ wanted
    RETURNING r.reservation_id, r.numbers, reservation_document(r) AS document
  ), carved AS (
    UPDATE id_reservations r SET numbers = r.numbers - wanted
    FROM own WHERE r.namespace = ns AND r.reservation_id = own.reservation_id AND NOT own.numbers <@ wanted
    RETURNING r.reservation_id, reservation_document(r) AS document
  ), changed AS (
    SELECT u.reservation_id, u.document FROM used_up u UNION ALL SELECT c.reservation_id, c.document FROM carved c
  )
  SELECT coalesce((SELECT range_agg(u.numbers) FROM used_up u), '{}'),
    coalesce(jsonb_agg(jsonb_build_object('reservationId', own.reservation_id, 'ids', artifact_ids(type, own.numbers * wanted),
      'changes', changes_between(own.document, changed.document))), '[]')
  INTO whole, confirmed FROM own JOIN changed USING (reservation_id);

  UPDATE id_registry r SET released = r.released - wanted, last_assigned_id = greatest(r.last_assigned_id, upper(wanted) - 1)
  WHERE r.namespace = ns AND r.artifact_type = type AND NOT isempty(wanted);
  INSERT INTO id_reservations (namespace, artifact_type, project_id, numbers, confirmed_at)
  SELECT ns, type, project, wanted - whole, docket_now() WHERE NOT isempty(wanted - whole);
  RETURN NEXT;
END $$;

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
