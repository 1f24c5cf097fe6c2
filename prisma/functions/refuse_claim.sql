CREATE OR REPLACE FUNCTION refuse_claim() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  -- What is held goes on, also where the next session of its worker takes it over.
  goes_on boolean := OLD.status = 'in_progress'
    AND (OLD.lease_expires_at > docket_now() OR OLD.kind NOT IN ('task', 'research'));
BEGIN
  IF refuse_work(NEW.project_id, NEW.status = 'in_progress' AND NOT goes_on) AND NEW.status = 'in_progress'
    AND NEW.kind IN ('task', 'research') THEN
    -- What an expired lease holds has its place; another worker that takes it needs one of its own.
    PERFORM refuse_beyond_limits(NEW.project_id, NEW.claimed_by,
      CASE WHEN OLD.status <> 'in_progress' THEN 1 END,
      CASE WHEN OLD.status <> 'in_progress' OR OLD.claimed_by IS DISTINCT FROM NEW.claimed_by THEN 1 END);
  END IF;
  RETURN NEW;
END $$;

-- A claim, also of what an expired lease holds, and a reset of what is completed.
CREATE OR REPLACE TRIGGER claims_need_an_open_project BEFORE UPDATE OF status, attempts ON tasks FOR EACH ROW
  WHEN (NEW.attempts > OLD.attempts OR (OLD.status <> 'in_progress' AND NEW.status <> OLD.status))
  EXECUTE FUNCTION refuse_claim();
