-- US-007, US-1000. lpad() alone would cut what is longer.
CREATE OR REPLACE FUNCTION artifact_id(type text, number bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT type || '-' || lpad(number::text, greatest(3, length(number::text)), '0') $$;
