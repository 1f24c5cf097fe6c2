CREATE OR REPLACE FUNCTION refuse_id_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;

CREATE OR REPLACE TRIGGER numbers_only_shrink BEFORE UPDATE ON id_reservations FOR EACH ROW
  WHEN (NOT NEW.numbers <@ OLD.numbers OR (NEW.namespace, NEW.artifact_type) <> (OLD.namespace, OLD.artifact_type))
  EXECUTE FUNCTION refuse_id_change('A reservation never takes numbers that it did not hold');
