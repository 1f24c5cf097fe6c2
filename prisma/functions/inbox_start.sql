-- A restore may have set the numbers back without the floor: then the whole inbox counts again.
CREATE OR REPLACE FUNCTION inbox_start() RETURNS bigint LANGUAGE sql STABLE AS
  $$ SELECT CASE WHEN s.last_value < f.floor THEN 0 ELSE f.floor END FROM inbox_floor f, event_inbox_seq_seq s $$;

REVOKE EXECUTE ON FUNCTION inbox_start() FROM PUBLIC;
