-- When a task may be claimed again after so many of its attempts failed in a row, the last of them at `since`: at once
-- after the first, then after the project's retrySeconds, twice as long each time and an hour at most; never
-- ('infinity') once they are its maxAttempts.
CREATE OR REPLACE FUNCTION retry_at(failures integer, since timestamptz, settings jsonb) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN failures >= coalesce((settings ->> 'maxAttempts')::integer, 5) THEN 'infinity'
    WHEN failures < 2 THEN since
    ELSE since + make_interval(secs =>
      least(3600, coalesce((settings ->> 'retrySeconds')::double precision, 15) * 2 ^ least(failures - 2, 12)))
  END
$$;
