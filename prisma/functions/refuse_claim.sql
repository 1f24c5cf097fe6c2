CREATE OR REPLACE FUNCTION refuse_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_work(NEW.project_id, NEW.status = 'in_progress');
  RETURN NEW;
END $$;

-- A claim, also of what an expired lease holds, and a reset of what is completed.
CREATE OR REPLACE TRIGGER claims_need_an_open_project BEFORE UPDATE OF status, attempts ON tasks FOR EACH ROW
  WHEN (NEW.attempts > OLD.attempts OR (OLD.status <> 'in_progress' AND NEW.status <> OLD.status))
  EXECUTE FUNCTION refuse_claim();
