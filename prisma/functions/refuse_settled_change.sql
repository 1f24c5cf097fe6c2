-- What is settled changes in three ways: some confirmed numbers are voided and leave their row; all are, and it counts
-- as given back; an expired row whose numbers nobody was given since is confirmed late. Then excl_live_numbers judges it
-- again, so that two can never hold one number.
CREATE OR REPLACE FUNCTION refuse_settled_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  allowed id_reservations := OLD;
BEGIN
  IF OLD.confirmed_at IS NOT NULL THEN
    allowed.numbers := NEW.numbers;
    IF NEW.confirmed_at IS NULL AND NEW.released_at IS NOT NULL AND NEW.returned_at IS NOT NULL THEN
      allowed.confirmed_at := NULL;
      allowed.released_at := NEW.released_at;
      allowed.returned_at := NEW.returned_at;
    END IF;
  ELSIF OLD.expired_at IS NOT NULL AND NEW.confirmed_at IS NOT NULL THEN
    allowed.numbers := NEW.numbers;
    allowed.confirmed_at := NEW.confirmed_at;
    allowed.expired_at := NULL;
    allowed.returned_at := NULL;
  END IF;
  IF NEW IS DISTINCT FROM allowed THEN
    RAISE EXCEPTION 'A reservation whose numbers are confirmed or returned changes only when they are voided or confirmed late'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER settled_reservations_stay BEFORE UPDATE ON id_reservations FOR EACH ROW
  WHEN (OLD.confirmed_at IS NOT NULL OR OLD.returned_at IS NOT NULL) EXECUTE FUNCTION refuse_settled_change();
