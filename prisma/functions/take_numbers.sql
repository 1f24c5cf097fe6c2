-- Takes the lowest numbers there are out of a held sequence, in one piece or not. Null when the numbers are exhausted.
CREATE OR REPLACE FUNCTION take_numbers(ns text, type text, how_many integer) RETURNS int8multirange
LANGUAGE plpgsql AS $$
DECLARE
  free int8multirange;
  reached bigint;
  taken int8multirange;
  fresh integer;
  ahead bigint := 1000;
BEGIN
  LOOP
    SELECT last_assigned_id, released INTO reached, free
    FROM id_registry WHERE namespace = ns AND artifact_type = type;
    SELECT range_agg(int8range(n, n + 1)) INTO taken FROM (
      SELECT n FROM unnest(free) run, generate_series(lower(run), least(upper(run), lower(run) + how_many) - 1) n
      ORDER BY n LIMIT how_many) lowest;
    taken := coalesce(taken, '{}');
    fresh := how_many - (SELECT coalesce(sum(upper(run) - lower(run)), 0) FROM unnest(taken) run);
    IF reached + fresh > 2147483647 THEN
      RETURN NULL;
    END IF;
    taken := taken + int8multirange(int8range(reached + 1, reached + 1 + fresh));
    IF NOT EXISTS (SELECT FROM task_numbers(ns, type, taken)) THEN
      UPDATE id_registry SET last_assigned_id = reached + fresh, released = free - taken
      WHERE namespace = ns AND artifact_type = type;
      RETURN taken;
    END IF;
    -- Twice as far ahead in each round, so that a table full of such tasks takes few.
    PERFORM adopt_task_numbers(ns, type, taken + (
      SELECT range_agg(int8range(lower(run), lower(run) + ahead)) FROM unnest(taken) run));
    ahead := ahead * 2;
  END LOOP;
END $$;
