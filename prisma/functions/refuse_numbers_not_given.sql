-- A live number above the counter would be given to somebody else next.
CREATE OR REPLACE FUNCTION refuse_numbers_not_given() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF upper(NEW.numbers) - 1 > (SELECT g.last_assigned_id FROM id_registry g
                               WHERE g.namespace = NEW.namespace AND g.artifact_type = NEW.artifact_type) THEN
    RAISE EXCEPTION 'Numbers above the counter of % in % cannot be held', NEW.artifact_type, NEW.namespace
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER numbers_were_given BEFORE INSERT ON id_reservations
  FOR EACH ROW EXECUTE FUNCTION refuse_numbers_not_given();
CREATE OR REPLACE TRIGGER retaken_numbers_were_given BEFORE UPDATE ON id_reservations FOR EACH ROW
  WHEN (OLD.returned_at IS NOT NULL AND NEW.returned_at IS NULL) EXECUTE FUNCTION refuse_numbers_not_given();
