-- Whether a task keeps others waiting: what depends on it, and its parent. A template is no work, and is never completed.
CREATE OR REPLACE FUNCTION is_open(status text, deleted_at timestamptz, is_template boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT status <> 'completed' AND deleted_at IS NULL AND NOT is_template
$$;
