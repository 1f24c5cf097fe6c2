-- Takes confirmed numbers of a project back, all or none, and brings the counter down to the highest that lives: what
-- lies above it is free again, what lies below stays void.
-- `not_held`: the lowest that is not confirmed for the project; `borne`: the lowest that a living task of the namespace
-- bears, as its own ID or its artifact's. Nothing was voided then.
-- `was`, `stands`: the counter before and after.
-- `reservation_ids`: the reservations that the numbers left, and those made of them.
CREATE OR REPLACE FUNCTION void_numbers(ns text, type text, project text, unwanted int8multirange)
RETURNS TABLE (not_held text, borne text, was text, stands text, reservation_ids uuid[]) LANGUAGE plpgsql AS $$
DECLARE
  before bigint;
  highest bigint;
BEGIN
  PERFORM hold_sequence(ns, type);
  SELECT artifact_id(type, lower(unwanted - coalesce(range_agg(r.numbers), '{}'))) INTO not_held FROM id_reservations r
  WHERE r.namespace = ns AND r.artifact_type = type AND r.project_id = project AND r.confirmed_at IS NOT NULL
    AND r.numbers && unwanted;
  SELECT id INTO borne FROM unnest(artifact_ids(type, unwanted)) WITH ORDINALITY AS given(id, place)
  WHERE EXISTS (SELECT FROM projects p JOIN tasks t USING (project_id)
                WHERE p.id_namespace = ns AND t.task_id = id AND t.deleted_at IS NULL)
    OR EXISTS (SELECT FROM projects p JOIN tasks t USING (project_id)
               WHERE p.id_namespace = ns AND t.artifact_id = id AND t.deleted_at IS NULL)
  ORDER BY place LIMIT 1;
  IF not_held IS NOT NULL OR borne IS NOT NULL THEN
    RETURN NEXT;
    RETURN;
  END IF;

  WITH own AS (
    SELECT r.reservation_id, r.numbers, r.reserved_at, r.expires_at, r.branch, r.task_id FROM id_reservations r
    WHERE r.namespace = ns AND r.artifact_type = type AND r.project_id = project AND r.confirmed_at IS NOT NULL
      AND r.numbers && unwanted
  ), whole AS (
    UPDATE id_reservations r SET confirmed_at = NULL, released_at = docket_now(), returned_at = docket_now()
    FROM own WHERE r.namespace = ns AND r.reservation_id = own.reservation_id AND own.numbers <@ unwanted
  ), part AS (
    UPDATE id_reservations r SET numbers = r.numbers - unwanted
    FROM own WHERE r.namespace = ns AND r.reservation_id = own.reservation_id AND NOT own.numbers <@ unwanted
  ), made AS (
    INSERT INTO id_reservations AS r (namespace, artifact_type, project_id, numbers, reserved_at, expires_at, released_at,
      returned_at, branch, task_id)
    SELECT ns, type, project, own.numbers * unwanted, own.reserved_at, own.expires_at, docket_now(), docket_now(),
      own.branch, own.task_id
    FROM own WHERE NOT own.numbers <@ unwanted
    RETURNING r.reservation_id
  )
  SELECT array_agg(u.reservation_id) INTO reservation_ids
  FROM (SELECT o.reservation_id FROM own o UNION ALL SELECT m.reservation_id FROM made m) u;

  SELECT g.last_assigned_id INTO before FROM id_registry g WHERE g.namespace = ns AND g.artifact_type = type;
  SELECT coalesce(max(upper(r.numbers)) - 1, 0) INTO highest FROM id_reservations r
  WHERE r.namespace = ns AND r.artifact_type = type AND r.returned_at IS NULL;
  IF highest < before THEN
    UPDATE id_registry g SET last_assigned_id = highest, released = g.released * int8multirange(int8range(1, highest + 1))
    WHERE g.namespace = ns AND g.artifact_type = type;
    -- Tasks of plain SQL live as well; numbers between them stay free.
    PERFORM adopt_task_numbers(ns, type, (SELECT range_agg(int8range(n, n + 1))
                                          FROM living_task_numbers(ns, type, highest) n WHERE n <= before));
  END IF;
  SELECT artifact_id(type, nullif(before, 0)), artifact_id(type, nullif(g.last_assigned_id, 0)) INTO was, stands
  FROM id_registry g WHERE g.namespace = ns AND g.artifact_type = type;
  RETURN NEXT;
END $$;
