-- Keeps the due dates for which the priority of a task was raised, and knows one of them again when it comes back.
CREATE OR REPLACE FUNCTION keep_raised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.priority_raised_for IS DISTINCT FROM OLD.priority_raised_for AND NEW.priority_raised_for IS NOT NULL THEN
    NEW.priority_raised_for_all := array_append(array_remove(NEW.priority_raised_for_all, NEW.priority_raised_for), NEW.priority_raised_for);
  ELSIF NEW.due_date = ANY (NEW.priority_raised_for_all) THEN
    NEW.priority_raised_for := NEW.due_date;
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER priorities_are_raised_once BEFORE UPDATE OF due_date, priority_raised_for ON tasks FOR EACH ROW
  WHEN (NEW.due_date IS NOT NULL AND (OLD.due_date IS DISTINCT FROM NEW.due_date
    OR OLD.priority_raised_for IS DISTINCT FROM NEW.priority_raised_for))
  EXECUTE FUNCTION keep_raised();
