CREATE OR REPLACE FUNCTION artifact_ids(type text, numbers int8multirange) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN ARRAY(SELECT artifact_id(type, n) FROM unnest(numbers) run, generate_series(lower(run), upper(run) - 1) n);
END $$;
