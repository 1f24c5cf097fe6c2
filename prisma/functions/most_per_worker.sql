CREATE OR REPLACE FUNCTION most_per_worker(settings jsonb) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT (settings ->> 'maxInProgressPerWorker')::integer $$;
