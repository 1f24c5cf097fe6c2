-- A reservation as events carry it, under the names of the GraphQL API: what changes_between compares.
CREATE OR REPLACE FUNCTION reservation_document(r id_reservations) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT jsonb_build_object('reservationId', r.reservation_id, 'projectId', r.project_id, 'namespace', r.namespace,
    'artifactType', r.artifact_type, 'ids', artifact_ids(r.artifact_type, r.numbers),
    'status', upper(reservation_status(r)), 'reservedAt', r.reserved_at,
    'expiresAt', CASE WHEN r.confirmed_at IS NULL THEN r.expires_at END, 'confirmedAt', r.confirmed_at,
    'releasedAt', r.released_at, 'branchName', r.branch, 'taskId', r.task_id)
$$;
