CREATE OR REPLACE FUNCTION task_numbers(ns text, type text, among int8multirange) RETURNS TABLE (number bigint, project text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  ids text[] := artifact_ids(type, among);
BEGIN
  -- Joined: the index is searched for a few IDs, however many tasks there are, and = ANY could compare each with each.
  RETURN QUERY SELECT substring(t.task_id FROM length(type) + 2)::bigint, min(p.project_id)::text
  FROM unnest(ids) id JOIN tasks t ON t.task_id = id JOIN projects p ON p.project_id = t.project_id AND p.id_namespace = ns
  GROUP BY t.task_id;
END $$;
