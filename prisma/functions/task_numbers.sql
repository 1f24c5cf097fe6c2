-- The numbers among these that tasks of the namespace bear, whoever wrote them. Of two projects with one number the
-- first by name counts. Each ID is looked up by the index: a connection keeps the plan that it made while there were few
-- tasks, and when many come at once by plain SQL, that plan would read all of them for every piece of the numbers.
CREATE OR REPLACE FUNCTION task_numbers(ns text, type text, among int8multirange) RETURNS TABLE (number bigint, project text)
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
DECLARE
  ids text[] := artifact_ids(type, among);
BEGIN
  RETURN QUERY SELECT substring(t.task_id FROM length(type) + 2)::bigint, min(p.project_id)::text
  FROM unnest(ids) id
  CROSS JOIN LATERAL (SELECT s.task_id, s.project_id FROM tasks s WHERE s.task_id = id OFFSET 0) t
  JOIN projects p ON p.project_id = t.project_id AND p.id_namespace = ns
  GROUP BY t.task_id;
END $$;
