-- Whether a project hands out no work now: a pause that is over counts no more, also before anybody has ended it.
CREATE OR REPLACE FUNCTION is_paused(paused_at timestamptz, paused_until timestamptz) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT paused_at IS NOT NULL AND (paused_until IS NULL OR paused_until > docket_now()) $$;
