-- The event in the dependent's own project, so that a live view of that project is whole. It names no blocker: that may be
-- of a project which the reader does not see. A task that somebody holds stays with its holder, who is named.
CREATE OR REPLACE FUNCTION tell_blocked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, payload)
  VALUES (CASE NEW.open_blockers WHEN 0 THEN 'task.unblocked' ELSE 'task.blocked' END, NEW.project_id, 'task', NEW.task_id,
    jsonb_build_object('status', upper(NEW.status), 'worker', NEW.claimed_by, 'leaseExpiresAt', NEW.lease_expires_at));
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER blocked_tasks_are_told AFTER UPDATE OF open_blockers ON tasks FOR EACH ROW
  WHEN ((OLD.open_blockers = 0) <> (NEW.open_blockers = 0) AND is_open(NEW.status, NEW.deleted_at, NEW.is_template))
  EXECUTE FUNCTION tell_blocked();
