-- A live number above the counter would be given to somebody else later.
CREATE OR REPLACE FUNCTION refuse_counter_below_live() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM id_reservations r
             WHERE r.namespace = NEW.namespace AND r.artifact_type = NEW.artifact_type AND r.returned_at IS NULL
               AND r.numbers && int8multirange(int8range(NEW.last_assigned_id + 1, NULL))) THEN
    RAISE EXCEPTION 'The counter of an ID sequence never falls below a number that is held'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER counters_stay_above_live BEFORE UPDATE ON id_registry FOR EACH ROW
  WHEN (NEW.last_assigned_id < OLD.last_assigned_id) EXECUTE FUNCTION refuse_counter_below_live();
