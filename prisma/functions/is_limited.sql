CREATE OR REPLACE FUNCTION is_limited(settings jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT settings ->> 'maxInProgress' IS NOT NULL OR settings ->> 'maxInProgressPerWorker' IS NOT NULL $$;
