-- What an event tells of a change: {field: {old, new}} for each field of two documents of one thing that differs. What
-- every change moves on is none of it.
CREATE OR REPLACE FUNCTION changes_between(before jsonb, after jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(jsonb_object_agg(a.key, jsonb_build_object('old', before -> a.key, 'new', a.value)), '{}')
  FROM jsonb_each(after) a
  WHERE a.key NOT IN ('version', 'updatedAt') AND a.value IS DISTINCT FROM coalesce(before -> a.key, 'null')
$$;
