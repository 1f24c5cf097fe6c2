CREATE OR REPLACE FUNCTION log_link(state bytea, head bytea, entry text) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT sha256(coalesce(state, head) || convert_to(entry, 'UTF8')) $$;
