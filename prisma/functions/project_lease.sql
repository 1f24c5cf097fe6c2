-- How long a claim holds where nobody says otherwise.
CREATE OR REPLACE FUNCTION project_lease(settings jsonb) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT make_interval(secs => coalesce((settings ->> 'leaseSeconds')::double precision, 3600)) $$;
