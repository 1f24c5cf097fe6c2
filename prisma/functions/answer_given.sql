-- The answer that was lost with its connection, after the batch committed: the process asks again with the same UUID.
-- What was the last ID before one was assigned is in its event, in the inbox or the log.
CREATE OR REPLACE FUNCTION answer_given(reservation uuid) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  made id_reservations;
  id text;
BEGIN
  SELECT * INTO made FROM id_reservations r WHERE r.reservation_id = reservation;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF made.expires_at IS NOT NULL THEN
    RETURN jsonb_build_object('reservationId', reservation, 'reservedIds', artifact_ids(made.artifact_type, made.numbers));
  END IF;
  id := artifact_id(made.artifact_type, lower(made.numbers));
  RETURN jsonb_build_object('id', id, 'lastAssigned', (
    SELECT e.payload -> 'lastAssigned' FROM (
      SELECT i.project_id, i.subject_id, i.event_type, i.payload FROM event_inbox i
      UNION ALL SELECT l.project_id, l.subject_id, l.event_type, l.payload FROM events l) e
    WHERE e.project_id = made.project_id AND e.subject_id = id AND e.event_type = 'ids.assigned' LIMIT 1));
END $$;
