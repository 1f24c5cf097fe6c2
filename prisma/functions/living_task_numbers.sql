-- The numbers above this one that living tasks of the namespace bear, also those of plain SQL. It reads them all: not
-- for what happens often.
CREATE OR REPLACE FUNCTION living_task_numbers(ns text, type text, above bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  SELECT split_part(t.task_id, '-', 2)::bigint FROM projects p JOIN tasks t USING (project_id)
  WHERE p.id_namespace = ns AND t.deleted_at IS NULL AND starts_with(t.task_id, type || '-')
    AND split_part(t.task_id, '-', 2)::bigint BETWEEN above + 1 AND 2147483647
$$;
