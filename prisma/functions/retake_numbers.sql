-- For a late confirmation of a reservation that this transaction has locked and whose numbers went back: takes these out
-- of the sequence again. False when somebody was given one of them since it expired, even if only to give it back, or
-- when a task of another project bears one.
-- The one case of a reservation's row locked before its sequence's: nobody who holds a sequence wants a returned row.
CREATE OR REPLACE FUNCTION retake_numbers(ns text, type text, project text, wanted int8multirange, expired timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  reached bigint;
  free int8multirange;
  passed int8multirange;
BEGIN
  SELECT g.last_assigned_id, g.released INTO reached, free
  FROM id_registry g WHERE g.namespace = ns AND g.artifact_type = type FOR NO KEY UPDATE;
  -- Above the counter they lie when it came down meanwhile.
  passed := int8multirange(int8range(reached + 1, greatest(reached + 1, upper(wanted))));
  IF EXISTS (SELECT FROM id_reservations r
             WHERE r.namespace = ns AND r.artifact_type = type AND r.returned_at IS NULL AND r.numbers && wanted)
    OR EXISTS (SELECT FROM projects p JOIN id_reservations r USING (project_id)
               WHERE p.id_namespace = ns AND r.namespace = ns AND r.artifact_type = type AND r.reserved_at >= expired
                 AND r.numbers && wanted)
    OR EXISTS (SELECT FROM task_numbers(ns, type, wanted) b WHERE b.project <> retake_numbers.project) THEN
    RETURN false;
  END IF;
  UPDATE id_registry g SET last_assigned_id = greatest(reached, upper(wanted) - 1), released = free + passed - wanted
  WHERE g.namespace = ns AND g.artifact_type = type;
  RETURN true;
END $$;
