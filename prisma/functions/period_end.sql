-- When the period of a budget ends, in which a day lies: days and months are those of UTC.
CREATE OR REPLACE FUNCTION period_end(per text, day date) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (date_trunc(per, day::timestamp) + CASE per WHEN 'month' THEN interval '1 month' ELSE interval '1 day' END)
    AT TIME ZONE 'UTC'
$$;
