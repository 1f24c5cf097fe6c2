-- As ranges: US-007, US-028..US-030.
CREATE OR REPLACE FUNCTION artifact_id_ranges(type text, numbers int8multirange) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN ARRAY(SELECT artifact_id(type, lower(run))
    || CASE WHEN upper(run) - lower(run) > 1 THEN '..' || artifact_id(type, upper(run) - 1) ELSE '' END
    FROM unnest(numbers) run);
END $$;
