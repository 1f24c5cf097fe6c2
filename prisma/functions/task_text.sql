CREATE OR REPLACE FUNCTION task_text(t tasks) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT concat_ws(' ', t.task_id, t.title, t.description, t.context_notes, t.completion_notes, t.artifact_id)
$$;
