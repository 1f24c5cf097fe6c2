DROP FUNCTION retake_numbers(text, text, text, int8multirange, timestamptz);
DROP FUNCTION void_numbers(text, text, text, int8multirange);
DROP FUNCTION record_numbers(text, text, text, int8multirange, bigint);
DROP FUNCTION living_task_numbers(text, text, bigint);

DROP TRIGGER counters_stay_above_live ON id_registry;
DROP FUNCTION refuse_counter_below_live();
CREATE TRIGGER counters_never_fall BEFORE UPDATE ON id_registry FOR EACH ROW
  WHEN (NEW.last_assigned_id < OLD.last_assigned_id)
  EXECUTE FUNCTION refuse_id_change('The counter of an ID sequence never falls');

DROP TRIGGER retaken_numbers_were_given ON id_reservations;
DROP TRIGGER settled_reservations_stay ON id_reservations;
DROP FUNCTION refuse_settled_change();
-- What was voided had no expiry; before, only what is confirmed may lack one.
UPDATE id_reservations SET expires_at = released_at WHERE expires_at IS NULL AND confirmed_at IS NULL;
CREATE TRIGGER settled_reservations_stay BEFORE UPDATE ON id_reservations FOR EACH ROW
  WHEN (OLD.confirmed_at IS NOT NULL OR OLD.returned_at IS NOT NULL)
  EXECUTE FUNCTION refuse_id_change('A reservation whose numbers are confirmed or returned never changes');
ALTER TABLE id_reservations DROP CONSTRAINT chk_expires_or_confirmed;
ALTER TABLE id_reservations ADD CONSTRAINT chk_expires_or_confirmed
  CHECK (expires_at IS NOT NULL OR confirmed_at IS NOT NULL);
