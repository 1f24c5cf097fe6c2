-- Gives numbers for good, the lowest there are, as the reservation of that ID. Null when they are exhausted.
CREATE OR REPLACE FUNCTION assign_numbers(ns text, type text, project text, how_many integer, reservation uuid) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  taken int8multirange;
BEGIN
  PERFORM hold_sequence(ns, type);
  taken := take_numbers(ns, type, how_many);
  IF taken IS NULL THEN
    RETURN NULL;
  END IF;
  INSERT INTO id_reservations (namespace, reservation_id, artifact_type, project_id, numbers, confirmed_at)
  VALUES (ns, reservation, type, project, taken, docket_now());
  RETURN artifact_ids(type, taken);
END $$;

-- As servers of before ask: they do not say which reservation it becomes.
CREATE OR REPLACE FUNCTION assign_numbers(ns text, type text, project text, how_many integer) RETURNS text[] LANGUAGE sql AS
  $$ SELECT assign_numbers(ns, type, project, how_many, gen_random_uuid()) $$;
