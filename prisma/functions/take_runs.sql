-- Takes numbers out of a held sequence for several who ask, in their order, each in one piece: the lowest released run
-- that fits, else the next numbers; null for one for whom too few are left. `before`: the highest number given before, 0
-- where there was none. The sequence's row is written once, however many ask.
CREATE OR REPLACE FUNCTION take_runs(ns text, type text, counts integer[], OUT runs int8multirange[], OUT before bigint[])
LANGUAGE plpgsql AS $$
DECLARE
  free int8multirange;
  reached bigint;
  stood bigint;
  how_many integer;
  run int8range;
  taken int8multirange;
  ahead bigint := 1000;
BEGIN
  LOOP
    SELECT g.last_assigned_id, g.released INTO reached, free FROM id_registry g
    WHERE g.namespace = ns AND g.artifact_type = type;
    stood := coalesce(stood, reached);
    runs := '{}';
    before := '{}';
    taken := '{}';
    FOREACH how_many IN ARRAY counts LOOP
      before := before || CASE WHEN cardinality(before) = 0 THEN stood ELSE reached END;
      run := NULL;
      IF NOT isempty(free) THEN
        -- The runs come lowest first, and none is made after the one that fits.
        SELECT int8range(lower(r.run), lower(r.run) + how_many) INTO run
        FROM (SELECT unnest(free) AS run) r WHERE upper(r.run) - lower(r.run) >= how_many LIMIT 1;
      END IF;
      IF run IS NOT NULL THEN
        free := free - int8multirange(run);
      ELSIF reached + how_many <= 2147483647 THEN
        run := int8range(reached + 1, reached + 1 + how_many);
        reached := reached + how_many;
      END IF;
      runs := array_append(runs, int8multirange(run));
      taken := taken + coalesce(int8multirange(run), '{}');
    END LOOP;
    IF isempty(taken) THEN
      RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM task_numbers(ns, type, taken)) THEN
      UPDATE id_registry g SET last_assigned_id = reached, released = free WHERE g.namespace = ns AND g.artifact_type = type;
      RETURN;
    END IF;
    -- Twice as far ahead in each round, so that a table full of such tasks takes few.
    PERFORM adopt_task_numbers(ns, type, taken + (
      SELECT range_agg(int8range(lower(r), lower(r) + ahead)) FROM unnest(taken) r));
    ahead := ahead * 2;
  END LOOP;
END $$;
