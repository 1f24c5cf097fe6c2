CREATE OR REPLACE FUNCTION number_set(numbers bigint[]) RETURNS int8multirange LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN coalesce((SELECT range_agg(int8range(n, n + 1)) FROM unnest(numbers) n), '{}');
END $$;
