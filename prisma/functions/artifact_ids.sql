-- In one piece, as nearly all are, without a query: it is called for every number that is given.
CREATE OR REPLACE FUNCTION artifact_ids(type text, numbers int8multirange) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  ids text[] := '{}';
BEGIN
  IF isempty(numbers) THEN
    RETURN ids;
  END IF;
  IF numbers <> int8multirange(range_merge(numbers)) THEN
    RETURN ARRAY(SELECT artifact_id(type, n) FROM unnest(numbers) run, generate_series(lower(run), upper(run) - 1) n);
  END IF;
  FOR n IN lower(numbers) .. upper(numbers) - 1 LOOP
    ids := ids || artifact_id(type, n);
  END LOOP;
  RETURN ids;
END $$;
