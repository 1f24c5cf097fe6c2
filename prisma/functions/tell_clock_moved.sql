-- Whatever waits for its time looks again when the clock is moved.
CREATE OR REPLACE FUNCTION tell_clock_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('docket_due', '');
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER clock_moved AFTER INSERT OR UPDATE OR DELETE ON clock_offset
  FOR EACH STATEMENT EXECUTE FUNCTION tell_clock_moved();
