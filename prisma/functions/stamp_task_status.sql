-- What follows from the status, for rows written by plain SQL; the server's own statements never need it.
CREATE OR REPLACE FUNCTION stamp_task_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'in_progress' THEN
    NEW.lease_expires_at := coalesce(NEW.lease_expires_at,
      docket_now() + (SELECT project_lease(p.settings) FROM projects p WHERE p.project_id = NEW.project_id));
    NEW.started_at := coalesce(NEW.started_at, docket_now());
  ELSE
    NEW.lease_expires_at := NULL;
    NEW.claimed_by := NULL;
  END IF;
  IF NEW.status = 'completed' THEN
    NEW.completed_at := coalesce(NEW.completed_at, docket_now());
  ELSE
    NEW.completed_at := NULL;
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER tasks_status_stamps BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW
  WHEN ((NEW.status = 'in_progress') <> (NEW.lease_expires_at IS NOT NULL)
    OR (NEW.status = 'completed') <> (NEW.completed_at IS NOT NULL)
    OR (NEW.claimed_by IS NOT NULL AND NEW.status <> 'in_progress'))
  EXECUTE FUNCTION stamp_task_status();
