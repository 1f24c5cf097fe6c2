-- Tasks written by plain SQL hold numbers that the registry does not know. Records those among the given ones as
-- confirmed for their projects, and the server tells so; numbers it passes stay free.
CREATE OR REPLACE FUNCTION adopt_task_numbers(ns text, type text, among int8multirange) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  free int8multirange;
  reached bigint;
  owners text[];
  theirs int8multirange[];
  adopted int8multirange;
BEGIN
  SELECT released * among + int8multirange(int8range(last_assigned_id + 1, 2147483648)) * among, last_assigned_id
  INTO free, reached FROM id_registry WHERE namespace = ns AND artifact_type = type;
  -- In rows of a thousand numbers at most, because the exclusion constraint reads rows whole.
  SELECT array_agg(project), array_agg(numbers), range_agg(numbers) INTO owners, theirs, adopted FROM (
    SELECT project, range_agg(int8range(number, number + 1)) AS numbers
    FROM task_numbers(ns, type, free) GROUP BY project, number / 1000) found;
  IF adopted IS NULL THEN
    RETURN;
  END IF;
  reached := greatest(reached, upper(adopted) - 1);
  UPDATE id_registry SET last_assigned_id = reached,
    released = released + int8multirange(int8range(last_assigned_id + 1, reached + 1)) - adopted
  WHERE namespace = ns AND artifact_type = type;
  WITH made AS (
    INSERT INTO id_reservations AS r (namespace, artifact_type, project_id, numbers, confirmed_at)
    SELECT ns, type, owner, numbers, docket_now() FROM unnest(owners, theirs) AS adoption(owner, numbers)
    RETURNING r.project_id, r.reservation_id, r.numbers
  )
  INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, client, correlation_id, payload)
  SELECT 'ids.registered', m.project_id, 'project', m.project_id, 'server', NULL, NULL,
    jsonb_build_object('ids', artifact_ids(type, m.numbers), 'reservationIds', jsonb_build_array(m.reservation_id))
  FROM made m ORDER BY m.project_id, m.numbers;
END $$;
